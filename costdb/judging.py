"""One version by one policy: by its totals first, and by its layers where those leave it open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from costdb.analysis import model_name
from costdb.baselines import BaselineFinder, Known
from costdb.contracts import Finding
from costdb.settings import Settings
from costdb.sides import is_file
from costdb.store import Store
from costdb.store.acceptances import acceptances
from costdb.trends.acceptance import Acceptance, AcceptanceKey, in_force
from costdb.trends.accepted_file import FILE_NAME, read_accepted
from costdb.trends.policy import (
    BaselineKey,
    Policy,
    PolicyRule,
    Ruling,
    default_policy,
    read_policy,
)
from costdb.trends.verdicts import Baseline, Candidate, is_settled, judge

# Operating point -> what to compare with there, or the reason for having nothing.
Against = Callable[[str], Baseline | str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged.

    Attributes:
        model: The model's name.
        tag: The version; empty for what is in no database.
        point: The operating point.
        finder: Where its baselines are.
        read: What it costs, or the reason for not knowing; the argument says whether its layers are
            needed.
    """

    model: str
    tag: str
    point: str
    finder: BaselineFinder
    read: Callable[[bool], Known | str]


def judged(subject: Subject, policy: Policy, against: Against | None = None) -> tuple[Finding, ...]:
    """Every finding of a version.

    Args:
        subject: The version.
        policy: The rules.
        against: What to compare with instead of the policy's baselines.
    """
    rules = policy.rules_for(subject.model, subject.point)
    if against is None and not any(rule.needs_layers for rule in rules):
        found, is_lower_bound = _look(subject, policy, rules, None, whole=False)
        # Layers say what made a change, and which operators were not counted.
        if is_settled(found) and not is_lower_bound:
            return found
    return _look(subject, policy, rules, against, whole=True)[0]


def policy_in_force(file: Path | None, settings: Settings) -> Policy:
    """The policy of a file; else that of `costdb.toml`, else the default one.

    Raises:
        ConfigurationError: It cannot be read, or is wrong.
    """
    if file is not None:
        return read_policy(file)
    if settings.policy_rules and settings.file is not None:
        return read_policy(settings.file)
    return default_policy()


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


def explain_policy(
    target: str | None, file: Path | None, point: str, settings: Settings
) -> PolicyInForce:
    """Which rules hold; see `costdb.api.explain_policy`."""
    policy = policy_in_force(file, settings)
    source = "named by --policy" if file is not None else "of costdb.toml"
    if file is None and policy.origin != str(settings.file):
        source = "the default, since no costdb.toml has rules"
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


def _look(
    subject: Subject,
    policy: Policy,
    rules: Sequence[PolicyRule],
    against: Against | None,
    *,
    whole: bool,
) -> tuple[tuple[Finding, ...], bool]:
    """The findings, and whether a number in them is a lower bound."""
    keys = policy.baselines_for(subject.model, subject.point)
    baselines: dict[BaselineKey, Baseline | str]
    if against is None:
        baselines = subject.finder.find(keys, whole=whole)
    else:
        baselines = dict.fromkeys(keys, against(subject.point)) if keys else {}
    known = subject.read(whole)
    candidate = (
        Candidate(subject.model, subject.tag, subject.point, known)
        if isinstance(known, str)
        else Candidate(subject.model, subject.tag, subject.point, *known)
    )
    accepted = subject.finder.accepted(rules, whole=whole)
    compared = [known, *baselines.values()]
    is_lower_bound = any(
        bool(entry.cost.totals.unknown_layers) for entry in compared if not isinstance(entry, str)
    )
    return judge(candidate, baselines, policy, accepted=accepted), is_lower_bound
