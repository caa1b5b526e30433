"""The same acts for programs, as JSON."""
