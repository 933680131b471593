"""The policy and the acceptances that requests are answered by, new ones, and runs of checks."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from costdb.accepting import Accepted, Request, what_is_accepted
from costdb.in_force import every_acceptance, policy_in_force
from costdb.server.access import Visitor
from costdb.server.names import resolved
from costdb.server.service import Service
from costdb.store import read
from costdb.store.acceptances import add_acceptances
from costdb.store.records import CheckRun, TokenScope
from costdb.trends.acceptance import Acceptance, AcceptanceKey, in_force
from costdb.trends.accepted_file import FILE_NAME, parse_accepted
from costdb.trends.policy import Policy, parse_policy

# Of a policy or acceptances that someone wrote.
LONGEST_FILE = 1 << 20


def policy_of(service: Service, text: str | None) -> Policy:
    """The policy that a client sent; else the server's.

    Raises:
        ConfigurationError: It is wrong.
    """
    if text is None:
        return policy_in_force(None, service.settings)
    return parse_policy(text, "the policy")


def acceptances_with(
    service: Service, text: str | None, now: datetime
) -> Mapping[AcceptanceKey, Acceptance]:
    """What was accepted here and in the reviewed file that a client sent, as far as it holds.

    Raises:
        ConfigurationError: The file is wrong.
    """
    given = () if text is None else parse_accepted(text, FILE_NAME)
    return in_force([*every_acceptance(service.settings, service.store), *given], now)


def judged_model(run: CheckRun) -> str:
    """The model whose version a check judged."""
    return run.subject.partition("@")[0]


def readable(service: Service, visitor: Visitor, runs: Iterable[CheckRun]) -> list[CheckRun]:
    """The runs that a visitor may read: of their models, and compared with none of others."""
    hidden: frozenset[str] = frozenset()
    if not visitor.may_read_all:
        names = read.model_names(service.engine)
        hidden = frozenset(name for name in names if not visitor.may(TokenScope.READ, name))
    return [
        run
        for run in runs
        if visitor.may(TokenScope.READ, judged_model(run))
        and run.baseline.partition("@")[0] not in hidden
    ]


def accept(
    service: Service,
    visitor: Visitor,
    request: Request,
    *,
    policy: str | None = None,
    accepted: str | None = None,
    keep: bool = True,
    record: Callable[[Connection, Accepted], None] | None = None,
) -> Accepted:
    """Accept what a version costs.

    Args:
        service: Where.
        visitor: Who may read the version; whether they may accept it is seen to already.
        request: What is accepted; its policy and file are left aside.
        policy: The policy that a client sent; else the server's.
        accepted: What else was accepted: the text of a reviewed file.
        keep: Whether to write it, or only to say what it is.
        record: What else is written where this is, given what is returned.

    Raises:
        UsageError, NotInDatabase: As `costdb.api.accept`.
        ConfigurationError: The policy or the file is wrong.
    """
    version = resolved(service, visitor, request.version)
    rules = policy_of(service, policy)
    before = acceptances_with(service, accepted, request.now)
    made = what_is_accepted(request, version, service.store, rules, before)
    if not keep:
        return Accepted(version.name, tuple(made))

    def record_all(connection: Connection, added: list[Acceptance]) -> None:
        if record is not None:
            record(connection, Accepted(version.name, tuple(added)))

    with service.writing:
        added = add_acceptances(service.engine, made, record_all)
    return Accepted(version.name, tuple(added))
