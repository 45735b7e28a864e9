"""`python -m chemomech`."""

from chemomech.cli import main

if __name__ == "__main__":
    main()
