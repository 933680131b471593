"""The entry point: the commands, and the one place that catches what a user can cause."""

import gc
import io
import logging
import os
import sys
import traceback
from typing import Annotated

import typer

from costdb import __version__
from costdb.cli import output
from costdb.cli.accept import accept
from costdb.cli.alias import app as alias_app
from costdb.cli.analyze import analyze
from costdb.cli.check import check
from costdb.cli.database import app as database_app
from costdb.cli.diff import diff
from costdb.cli.explain import explain
from costdb.cli.freeze import freeze
from costdb.cli.history import history
from costdb.cli.ingest import ingest
from costdb.cli.models import app as models_app
from costdb.cli.plugins import plugins
from costdb.cli.recost import recost
from costdb.cli.show import show
from costdb.cli.transfer import export, import_
from costdb.errors import CostdbError

app = typer.Typer(
    name="costdb",
    help="What does a model cost, version after version, and did it get worse?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(ingest)
app.command()(analyze)
app.command()(show)
app.command()(history)
app.command()(diff)
app.command()(explain)
app.command()(check)
app.command()(accept)
app.add_typer(alias_app, name="alias")
app.command()(freeze)
app.add_typer(models_app, name="models")
app.add_typer(database_app, name="db")
app.command()(recost)
app.command()(export)
app.command("import")(import_)
app.command()(plugins)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        print(f"costdb {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks.")] = False,
) -> None:
    """What does a model cost, version after version, and did it get worse?"""


def main() -> None:
    """Run the command line and exit.

    Exit codes: 0 pass, 1 it could not be done, 2 usage, 3 regression or over budget, 4 no baseline.
    """
    # A command keeps nearly all that it makes until it ends: looking for garbage as often as Python
    # does by default takes a third of the time of a large diff.
    gc.set_threshold(100_000, 50, 100)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks is spelt out; it is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    # The flag may stand anywhere, behind the command as well.
    arguments = [argument for argument in arguments if argument != "--debug"]
    logging.getLogger("costdb").addHandler(output.WarningHandler(logging.WARNING))
    try:
        app(args=arguments, prog_name="costdb")
    except CostdbError as error:
        if debug:
            traceback.print_exc()
        for mistake in (error, *error.others):
            output.fail(mistake.message, mistake.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; nothing may be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        output.fail(
            f"{type(error).__name__}: {error}",
            "this is a bug in costdb or in a plugin: run it again with --debug and report it",
        )
        sys.exit(1)
