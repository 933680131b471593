"""The commands, and an application of those that a command line needs.

To load them all and to understand the flags of each takes Typer longer than most commands take.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

from costdb import __version__

# In the order of the help. Those that are groups of commands stand last.
COMMANDS = {
    "ingest": "ingest:ingest",
    "analyze": "analyze:analyze",
    "show": "show:show",
    "history": "history:history",
    "diff": "diff:diff",
    "explain": "explain:explain",
    "check": "check:check",
    "accept": "accept:accept",
    "freeze": "freeze:freeze",
    "recost": "recost:recost",
    "export": "transfer:export",
    "import": "transfer:import_",
    "serve": "serve:serve",
    "plugins": "plugins:plugins",
    "alias": "alias:app",
    "models": "models:app",
    "db": "database:app",
    "token": "token:app",
}


def application_for(arguments: list[str]) -> typer.Typer:
    """The application that understands a command line; of the other commands it knows nothing."""
    match arguments[:1]:
        case [] | ["-h" | "--help"]:
            return application(with_flags=False)
        case ["--version"]:
            return application(())
        case [name] if name in COMMANDS:
            return application([name])
        case _:
            return application()


def application(names: Iterable[str] = COMMANDS, *, with_flags: bool = True) -> typer.Typer:
    """An application.

    Args:
        names: Its commands.
        with_flags: Whether they can be called, or only be listed.
    """
    app = typer.Typer(
        name="costdb",
        help="What does a model cost, version after version, and did it get worse?",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        command = _loaded(COMMANDS[name])
        if not with_flags:
            app.command(name, help=_help(command))(_listed)
        elif isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _loaded(place: str) -> "Callable[..., Any] | typer.Typer":
    module, _, name = place.partition(":")
    command: Callable[..., Any] | typer.Typer = getattr(import_module(f"costdb.cli.{module}"), name)
    return command


def _help(command: "Callable[..., Any] | typer.Typer") -> str | None:
    return command.info.help if isinstance(command, typer.Typer) else command.__doc__


def _listed() -> None:
    """A command in a list."""


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        print(f"costdb {__version__}")
        raise typer.Exit


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
