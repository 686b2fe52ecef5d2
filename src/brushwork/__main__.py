"""`brushwork` and `python -m brushwork`: the command, which may be stopped while its modules still load."""

import sys


def main() -> None:
    """Run the command; stopped before it could begin, it says so in one line and leaves with 130."""
    try:
        from brushwork.runtime.openmp import configure_openmp

        configure_openmp()
        from brushwork.cli.main import main as run  # here, because loading is a part of what may be stopped
    except KeyboardInterrupt:
        print("stopped before the end", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
