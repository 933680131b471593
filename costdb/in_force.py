"""What holds at present: the policy, and what was accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from costdb.analysis import model_name
from costdb.settings import Settings
from costdb.sides import is_file
from costdb.store import Store
from costdb.store.acceptances import acceptances
from costdb.trends.acceptance import Acceptance, AcceptanceKey, in_force
from costdb.trends.accepted_file import FILE_NAME, read_accepted
from costdb.trends.policy import Policy, Ruling, default_policy, read_policy


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy that holds.

    Attributes:
        policy: All its rules.
        source: Why it is this one.
        model: The model that was asked about; empty for the whole policy.
        point: The operating point that was asked about.
        rulings: Which of the rules hold for the model there, and what they beat.
    """

    policy: Policy
    source: str
    model: str
    point: str
    rulings: tuple[Ruling, ...]


def policy_in_force(file: Path | None, settings: Settings) -> Policy:
    """The policy of a file; else that of `costdb.toml`, else the default one.

    Raises:
        ConfigurationError: It cannot be read, or is wrong.
    """
    if file is not None:
        return read_policy(file)
    if settings.has_policy and settings.file is not None:
        return read_policy(settings.file)
    return default_policy()


def explain_policy(
    target: str | None, file: Path | None, point: str, settings: Settings
) -> PolicyInForce:
    """Which rules hold; see `costdb.api.explain_policy`."""
    policy = policy_in_force(file, settings)
    source = "of costdb.toml" if settings.has_policy else "the default, since costdb.toml has none"
    if file is not None:
        source = "named by --policy"
    if target is None:
        return PolicyInForce(policy, source, "", point, ())
    model = target.partition("@")[0]
    if is_file(target):
        configured = settings.model_for(target)
        model = configured.name if configured else model_name(target)
    return PolicyInForce(policy, source, model, point, policy.rulings(model, point))


def accepted_file(settings: Settings) -> Path:
    """Where reviewed acceptances are kept: beside `costdb.toml`, else in the current folder."""
    return Path(FILE_NAME) if settings.file is None else settings.file.with_name(FILE_NAME)


def every_acceptance(
    settings: Settings, store: Store | None, model: str | None = None
) -> list[Acceptance]:
    """What was accepted in the database and in the reviewed file.

    Args:
        settings: Where the file is.
        store: The database; None for the file alone.
        model: Only this model.

    Raises:
        ConfigurationError: The file cannot be read, or is wrong.
        DatabaseUnavailable: The database cannot be read.
    """
    in_database = [] if store is None else acceptances(store.engine)
    found = [*in_database, *read_accepted(accepted_file(settings))]
    return [one for one in found if model is None or one.model == model]


def acceptances_in_force(
    settings: Settings, store: Store | None, now: datetime
) -> Mapping[AcceptanceKey, Acceptance]:
    """What `every_acceptance` has that holds at a time."""
    return in_force(every_acceptance(settings, store), now)
