"""What parent and child write to each other comes back as it was, or is known to be cut off."""

from dataclasses import replace

import pytest
from builders.graphs import activation, fed, graph, layer, stored

from costdb import canonical
from costdb.errors import BrokenArtifact, CostdbError, TrustRequired, UnboundDimension
from costdb.isolation.content import CanonicalGraph, Content
from costdb.isolation.messages import (
    Answer,
    IncompleteAnswer,
    Request,
    Writing,
    decode_answer,
    encode_answer,
    encode_error,
)
from costdb.limits import Limits
from costdb.reading import Reading
from costdb.settings import OperatingPoint


def answer() -> Answer:
    x, weight, y = fed("x", 2, 3), stored("w\udc80", 3, 4), activation("y", 2, None)
    one = replace(graph([layer("MatMul", [x, weight], y, alpha=0.5, axes=(1, 2))]), notes=("so",))
    two = graph([layer("Relu", [fed("ü", 1)], activation("line\nbreak", 1))])
    graphs = {
        point: CanonicalGraph(g, canonical.structure_json(g), canonical.names_json(g))
        for point, g in {"default": one, "b32": two}.items()
    }
    return Answer(Content("net.onnx", 1 << 40, "onnx", 3, graphs), ("broken",), ("acme",))


def test_an_answer_comes_back_as_it_was() -> None:
    assert decode_answer(b"".join(encode_answer(answer()))) == answer()


def test_an_answer_that_is_cut_off_is_known_as_such() -> None:
    whole = b"".join(encode_answer(answer()))
    for length in range(len(whole)):
        with pytest.raises(IncompleteAnswer):
            decode_answer(whole[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"[]\n",
        b"{}\n",
        b"7\n",
        b'{"graphs": {}}\n',
        b'{"kinds": []}\n',
        b"\xff\n",
        b'{"kinds":3}\n',
    ],
)
def test_what_is_no_answer_is_known_as_such(data: bytes) -> None:
    with pytest.raises(IncompleteAnswer):
        decode_answer(data)


def test_a_request_comes_back_as_it_was() -> None:
    request = Request(
        "models/\udc80net.onnx",
        Reading(["b32"], ["x=1x3"], ["step=2"], ["body=3"], ["y"], "onnx", strict=True, trust=True),
        {"b32": OperatingPoint(("ids=1x2",), ("batch=32",), ("loop=10",), ("logits",))},
        Limits(None, 1, 2),
        ("", "/site packages"),
        Writing("a/.frozen.pb.7", 1 << 40),
    )
    line = request.encode()
    assert line.count(b"\n") == 1
    decoded = Request.decode(line)
    assert decoded.reading.bindings(decoded.points) == request.reading.bindings(request.points)
    assert replace(decoded, reading=request.reading, points=request.points) == request


class OwnKind(UnboundDimension):
    """A plugin's own error."""


class OwnBug(Exception):
    """A plugin's own bug."""


@pytest.mark.parametrize(
    ("error", "kind", "message", "hint"),
    [
        pytest.param(BrokenArtifact("a", hint="b"), BrokenArtifact, "a", "b", id="the core's"),
        pytest.param(TrustRequired("é\n"), TrustRequired, "é\n", "", id="no hint"),
        pytest.param(OwnKind("a", hint="b"), UnboundDimension, "a", "b", id="a plugin's"),
    ],
)
def test_an_error_comes_back_as_the_core_knows_it(
    error: CostdbError, kind: type[CostdbError], message: str, hint: str
) -> None:
    with pytest.raises(kind) as raised:
        decode_answer(encode_error(error))
    assert type(raised.value) is kind
    assert (raised.value.message, raised.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("bug", "kind", "said"),
    [
        pytest.param(TypeError("no len()"), TypeError, "no len()", id="a built-in one"),
        pytest.param(OwnBug("odd"), RuntimeError, "OwnBug: odd", id="a plugin's own"),
        pytest.param(
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), RuntimeError, "UnicodeDecodeError: ",
            id="one that takes more than a message",
        ),
    ],
)  # fmt: skip
def test_a_bug_comes_back_as_a_bug(bug: Exception, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as raised:
        decode_answer(encode_error(bug))
    assert type(raised.value) is kind
    assert said in str(raised.value)
