"""`python -m tuinet` is the command `tuinet`."""

from tuinet.cli.main import main

if __name__ == "__main__":
    main()
