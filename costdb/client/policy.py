"""What a client has judged by: its policy and its reviewed acceptances, as texts to be sent."""

from pathlib import Path

from costdb.in_force import accepted_file, policy_in_force
from costdb.settings import Settings
from costdb.toml_file import TomlFile, written
from costdb.trends.accepted_file import read_accepted


def policy_text(file: Path | None, settings: Settings) -> str | None:
    """The rules of `--policy`, else those of `costdb.toml`; None leaves it to the server.

    Nothing else of a `costdb.toml` is in it, such as the URL of a database.

    Raises:
        ConfigurationError: They cannot be read, or are wrong.
    """
    file = policy_file(file, settings)
    if file is None:
        return None
    policy_in_force(file, settings)
    top = TomlFile.read(file, "policy").values
    rules = top["rules"] if "rules" in top else top["policy"]["rules"]
    return "\n".join(
        "\n".join(("[[rules]]", *(f"{key} = {written(value)}" for key, value in rule.items()), ""))
        for rule in rules
    )


def policy_file(file: Path | None, settings: Settings) -> Path | None:
    """Where the rules of `policy_text` stand; None where the server's hold."""
    return settings.file if file is None and settings.has_policy else file


def accepted_text(settings: Settings) -> str | None:
    """What `costdb.accepted.toml` holds; None if there is none.

    Raises:
        ConfigurationError: It cannot be read, or is wrong.
    """
    file = accepted_file(settings)
    return file.read_bytes().decode("utf-8") if read_accepted(file) else None
