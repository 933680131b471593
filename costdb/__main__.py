"""The entry point: `costdb`, or `python -m costdb`."""

import sys

from costdb.isolation import early


def main() -> None:
    """Run the command line and exit; see `costdb.cli.main`."""
    try:
        early.begin(sys.argv[1:])
        from costdb.cli.main import main as run  # noqa: PLC0415 - it takes long to load

        run()
    finally:
        early.abandon()


if __name__ == "__main__":
    main()
