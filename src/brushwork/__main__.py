"""`brushwork` and `python -m brushwork`: the command, which may be stopped while its modules still load."""

import sys

try:
    from brushwork.runtime.openmp import configure_openmp

    configure_openmp()  # before torch is loaded
    from brushwork.cli.main import main
except KeyboardInterrupt:
    print("stopped early", file=sys.stderr)
    sys.exit(130)

__all__ = ["main"]

if __name__ == "__main__":
    main()
