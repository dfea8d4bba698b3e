"""`python -m headstart` is the command line."""

from headstart.cli import entry

if __name__ == "__main__":
    entry()
