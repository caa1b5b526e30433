"""The ledger to the outside: served, appended to, witnessed, watched."""
