"""``python -m lianfang`` is the command line."""

from lianfang.cli import main

if __name__ == "__main__":
    main()
