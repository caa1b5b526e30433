"""Folding: ``files`` for the sequences of a file, as the command line has them; ``desk`` for the laboratory's page.

Nothing here reads or writes the installation: a sequence goes in, figures come out.
"""
