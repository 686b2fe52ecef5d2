"""`python -m brushwork` is the command."""

from brushwork.cli.main import main

if __name__ == "__main__":
    main()
