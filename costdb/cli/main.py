"""The entry point: the commands, and the one place that catches what a user can cause."""

import errno
import gc
import io
import logging
import os
import sys
import traceback

from costdb.cli import output
from costdb.cli.commands import application, application_for
from costdb.errors import CostdbError

# What a write to a stream fails with where there is no room, or nothing at all; that of a file
# names the file.
_UNWRITABLE = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})


def main() -> None:
    """Run the command line and exit.

    Exit codes: 0 pass, 1 it could not be done, 2 usage, 3 regression or over budget, 4 no baseline.
    """
    _replace_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks is spelt out; it is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    # The flag may stand anywhere, behind the command as well.
    arguments = [argument for argument in arguments if argument != "--debug"]
    logging.getLogger("costdb").addHandler(output.WarningHandler(logging.WARNING))
    try:
        # A shell that completes a word says in the environment what is typed.
        app = application() if "_COSTDB_COMPLETE" in os.environ else application_for(arguments)
        try:
            app(args=arguments, prog_name="costdb")
        finally:
            print(end="", flush=True)
    except CostdbError as error:
        if debug:
            traceback.print_exc()
        for mistake in (error, *error.others):
            output.fail(mistake.message, mistake.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _let_go_of_stdout()  # the reader, such as `head`, has seen enough
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITABLE:
            _let_go_of_stdout()
            output.fail(
                f"stdout cannot be written: {error.strerror}",
                "free some space, or send it elsewhere",
            )
            sys.exit(1)
        if debug:
            raise
        output.fail(
            f"{type(error).__name__}: {error}",
            "this is a bug in costdb or in a plugin: run it again with --debug and report it",
        )
        sys.exit(1)
    finally:
        # The process ends here, and the system takes all of its memory at once; otherwise Python
        # would look through every object for garbage first, for a tenth of a second.
        gc.freeze()


def _replace_closed_streams() -> None:
    """Open streams that are closed, which Python has as None.

    What is printed to a stderr that is None goes to stdout, and the next file that is opened would
    have the number of a closed one.
    """
    sys.stdin = sys.stdin or os.fdopen(os.open(os.devnull, os.O_RDONLY))
    # Only for reading: a write fails as one to a closed stdout does.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _let_go_of_stdout() -> None:
    """Have what is left go nowhere: Python would try to write it once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
