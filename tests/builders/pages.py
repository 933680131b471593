"""A database to look at, and a browser without a screen: pages as elements."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from builders.analyses import NOW, analysis, chain
from builders.html import Element, parsed
from fastapi.testclient import TestClient

from costdb import api
from costdb.cost.engine import cost
from costdb.server.access import COOKIE
from costdb.store import Store, open_store
from costdb.store.records import TokenScope
from costdb.store.tokens import create_token
from costdb.store.write import ingest

# Of whichever client the framework's tests come with.
Answer = Any

SITE = "http://costs.example"

# Tags that an address has to carry: a path, a query, a fragment, steps, what is encoded already.
ODD_TAGS = ("a/b", "a?b=c&d", "a#b", "..", ".", "50%", "ä+1", "'\"<b>")


def add(
    store: Store,
    model: str,
    tag: str,
    *,
    layers: int = 2,
    width: int = 8,
    day: int = 0,
    points: tuple[str, ...] = ("default",),
    **given: Any,
) -> None:
    """Store a version of so many products of a square matrix, `width * width` MACs each."""
    graph = chain(layers, width)
    made = [analysis(graph, cost=cost(graph), point=point) for point in points]
    ingest(store.engine, made, model=model, tag=tag, now=NOW + timedelta(days=day), **given)


def fill(url: str) -> str:
    """Make a database.

    `detector` doubles with v3, which a check has found; `stable` never changes; `weights` has two
    operating points; `odd` has tags that are hard to address.
    """
    with open_store(url) as store:
        for day, (tag, layers) in enumerate((("v1", 2), ("v2", 2), ("v3", 4))):
            add(store, "detector", tag, layers=layers, day=day, author="ann", git_sha="4f2a91c")
        add(store, "detector", "next-1", layers=3, branch="next", day=5)
        for tag in ODD_TAGS:
            add(store, "odd", tag)
        for number in range(120):
            add(store, "stable", f"s{number}", width=4, day=number)
        add(store, "weights", "w1", points=("default", "b8"))
    api.set_alias("detector@v2", "prod", database=url)
    for model in ("detector", "stable"):
        api.check(model, database=url)
    return url


def make_token(url: str, name: str, scope: TokenScope, **given: Any) -> str:
    """The text of a new token."""
    with open_store(url) as store:
        return create_token(store.engine, name, scope, now=datetime.now(UTC), **given)[1]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever asks for pages."""

    client: TestClient

    def __call__(self, address: str, status: int = 200) -> Element:
        """The page at an address."""
        answer = self.get(address)
        assert answer.status_code == status, answer.text
        return parsed(answer.text)

    def get(self, address: str, **headers: str) -> Answer:
        """What is answered."""
        return self.client.get(address, headers={"Accept": "text/html"} | headers)

    def post(self, address: str, origin: str = SITE, **form: str) -> Answer:
        """What is answered to a form of a page."""
        headers = {"Accept": "text/html", "Origin": origin}
        return self.client.post(address, data=form, headers=headers)

    @property
    def cookie(self) -> str | None:
        """The token that was kept."""
        return self.client.cookies.get(COOKIE)


# A fixture's function: the address of a database and perhaps a token -> a visitor.
MakeVisitor = Callable[..., Visitor]
