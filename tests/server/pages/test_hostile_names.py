"""Names that try to be more than names, in every page."""

import re
from dataclasses import replace

import pytest
from builders.analyses import NOW, analysis
from builders.hostile import NAMES
from builders.html import parsed
from builders.pages import MakeVisitor, Visitor, add, make_token

from costdb.cost.engine import cost
from costdb.ir import DType, Graph, Layer, Role, Tensor, assemble
from costdb.server.pages import links
from costdb.store import Store, open_store
from costdb.store.acceptances import add_acceptances
from costdb.store.aliases import set_alias
from costdb.store.check_runs import save_runs
from costdb.store.read import resolve
from costdb.store.records import CheckRun, TokenScope
from costdb.store.write import ingest
from costdb.trends.acceptance import Acceptance

# Whatever any name holds, and a pair of names that markup would have to escape in an attribute.
HOSTILE = (
    "".join(NAMES.values()) + "\"' onmouseover=alert(3) style=x:url(//e.example) </script></svg>"
)

# What a tag, an alias, a branch or a point may be called: it is visible and has no white space.
VISIBLE = "<script>alert(1)</script><img/src=x>'\"&amp;/..?#%"


def graph(width: int) -> Graph:
    """Layers, scopes, operators, tensors: all hostile."""
    fed = Tensor(f"{HOSTILE}.x", (1, width), DType.FLOAT32, Role.INPUT)
    value = fed
    layers = []
    for number in range(2):
        weight = Tensor(f"{HOSTILE}.w{number}", (width, width), DType.FLOAT32, Role.STORED)
        result = Tensor(f"{HOSTILE}.y{number}", (1, width), DType.FLOAT32)
        layers.append(
            Layer(f"{HOSTILE}/{number}", "MatMul", (value, weight, None), (result,),
                  scope=f"{HOSTILE}/block{number}/{HOSTILE}", compute_dtype=DType.FLOAT32)
        )  # fmt: skip
        value = result
    odd = Tensor(f"{HOSTILE}.z", (1, width), DType.FLOAT32)
    layers.append(
        Layer(HOSTILE, HOSTILE, (value,), (odd,), domain="e", compute_dtype=DType.FLOAT32)
    )
    return assemble(layers, inputs=[fed], outputs=[odd], file_format="test", framework="none")


@pytest.fixture(scope="module")
def admin(visiting_once: MakeVisitor, tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    """Whoever may see all of a database in which everything that can be hostile is."""
    url = str(tmp_path_factory.mktemp("hostile") / "costs.db")
    with open_store(url) as store:
        for number in (1, 2):
            made = replace(analysis(graph(8 * number), path=HOSTILE), warnings=(HOSTILE,))
            made = replace(made, cost=cost(made.graph), point=VISIBLE)
            ingest(store.engine, [made], model="m", tag=f"{VISIBLE}{number}", branch=VISIBLE,
                   git_sha=HOSTILE, author=HOSTILE, source=HOSTILE, now=NOW)  # fmt: skip
        version = resolve(store.engine, f"m@{VISIBLE}2")
        set_alias(store.engine, version, f"alias{VISIBLE}", author=HOSTILE, now=NOW)
        _describe(store)
        _find(store)
    return visiting_once(url, make_token(url, "<b>ann</b>", TokenScope.ADMIN))


def _describe(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE model SET description = ?", (HOSTILE.replace("\ud800", ""),)
        )


def _find(store: Store) -> None:
    from builders.findings import finding

    from costdb.contracts import Attribution

    parts = (Attribution(HOSTILE, 3, HOSTILE),)
    same = {"model": "m", "tag": f"{VISIBLE}2", "point": VISIBLE, "rule": HOSTILE}
    found = (
        finding(**same, baseline=f"previous {VISIBLE}1", attribution=parts, reason=HOSTILE),
        finding(**same, baseline=HOSTILE, scope=f"layer:{HOSTILE}", attribution=parts),
        finding(**same, baseline="", old=None, metric="dtype", new=None, limit=None,
                reason=HOSTILE),
    )  # fmt: skip
    for subject in ("m", f"m@{HOSTILE}"):
        save_runs(
            store.engine,
            [CheckRun(subject, f"branch {VISIBLE}", 1, "regression", found, NOW)],
        )
    one = Acceptance("m", f"{VISIBLE}2", VISIBLE, "macs", "total", 10**9, 1, HOSTILE, HOSTILE, NOW)
    add_acceptances(store.engine, [one])


def is_inert(text: str) -> bool:
    """Whether a page has no element, attribute or address but its own."""
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u202e\ud800-\udfff]", text) is None
    page = parsed(text)
    for element in page.iter():
        tag = str(element.tag).rpartition("}")[2]
        names = {str(name).lower() for name in element.attrib}
        assert tag not in {"style", "iframe", "object", "embed", "base"}
        assert not {name for name in names if name.startswith("on")} | names & {"style", "srcdoc"}
        for name in names & {"href", "src", "action", "xlink:href"}:
            target = element.get(name)
            assert re.match(r"#|/(?!/)", target), target
        if tag == "img":
            assert element.get("src").startswith("/static/")
        if tag == "script":
            assert element.get("src").startswith("/static/")
            assert not element.text
    return True


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("/", id="models"),
        pytest.param(links.address("/", q=VISIBLE, after=VISIBLE), id="search"),
        pytest.param("/models/m", id="history"),
        pytest.param(
            links.model("m", against=f"alias:alias{VISIBLE}", metric="params"), id="alias"
        ),
        pytest.param(
            links.model("m", branch=f"x{VISIBLE}", point=VISIBLE, until=HOSTILE), id="asked"
        ),
        pytest.param(links.version("m", f"{VISIBLE}2"), id="version"),
        pytest.param(links.version("m", f"{VISIBLE}2", by="op", layer=2), id="operators"),
        pytest.param(links.version("m", f"{VISIBLE}2", by="layer", metric="params"), id="layers"),
        pytest.param(links.version("m", f"{VISIBLE}2", scope=HOSTILE), id="module"),
        pytest.param(links.version("m", HOSTILE), id="no version"),
        pytest.param(links.model(HOSTILE), id="no model"),
        pytest.param(links.diff(f"m@{VISIBLE}1", f"m@{VISIBLE}2"), id="diff"),
        pytest.param(links.diff(f"m@{VISIBLE}1", f"m@{VISIBLE}2", by="scope"), id="modules"),
        pytest.param(links.diff(f"m@{VISIBLE}1", f"m@{VISIBLE}2", by="op"), id="diff by operator"),
        pytest.param(links.diff(HOSTILE, HOSTILE, metric="macs"), id="nothing to compare"),
        pytest.param(links.diff(HOSTILE), id="form"),
        pytest.param(links.diff("m", "m", metric=HOSTILE), id="no metric"),
        pytest.param("/findings?verdict=all", id="findings"),
        pytest.param(links.findings(model=HOSTILE), id="findings of none"),
        pytest.param(links.findings(verdict=HOSTILE), id="no verdict"),
        pytest.param(links.sign_in(HOSTILE), id="sign in"),
        pytest.param(f"/{HOSTILE.encode('utf-8', 'replace').hex()}", id="nowhere"),
    ],
)
def test_a_page_shows_what_names_are_and_does_nothing_that_they_say(
    admin: Visitor, address: str
) -> None:
    answer = admin.get(address)
    assert answer.status_code in {200, 404, 422}
    assert is_inert(answer.text)
    if answer.status_code == 200 and not address.startswith(links.SIGN_IN):
        assert "alert(1)" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/models/m?branch=%00",
        "/models/m?point=%00",
        "/models/m?against=tag:%00",
        "/models/m/versions/v1?point=%00",
        "/models/m/versions/%00",
        "/models/%00",
        "/diff?old=m@v1&new=m@v1&point=%00",
        "/diff?old=m@%00&new=m@v1",
    ],
)
def test_what_no_database_can_be_asked_for_is_told(
    visiting: MakeVisitor, postgresql_url: str, address: str
) -> None:
    with open_store(postgresql_url) as store:
        add(store, "m", "v1")
    assert visiting(postgresql_url).get(address).status_code in {200, 404, 422}


def test_what_is_not_inert_is_seen() -> None:
    page = "<!DOCTYPE html><html><head><title>x</title></head><body>{}</body></html>"
    for harm in ('<p onclick="x">', '<a href="//e.example">x</a>', '<img alt="" src="x">', "\x1b"):
        with pytest.raises(AssertionError):
            is_inert(page.format(harm))
