"""Which layer is which, for models that were changed in one known way."""

from collections import Counter
from dataclasses import replace

import pytest
from builders.costs import conv, layer, relu
from hypothesis import given
from hypothesis import strategies as st

from costdb.cost.result import LayerCost
from costdb.ir import DType
from costdb.trends.alignment import Alignment, Change, align


def network(blocks: int, *, size: int = 56, model: str = "net") -> list[LayerCost]:
    """Blocks of a convolution and a ReLU under Keras' names; every third has more channels."""
    layers = []
    for block in range(blocks):
        before, after = 8 << max(block - 1, 0) // 3, 8 << block // 3
        scope = f"{model}/block_{block}"
        layers += [
            conv(f"{scope}/conv", (before, after), size, scope=scope),
            relu(f"{scope}/relu", after, size, scope=scope),
        ]
    return layers


def nameless(layers: list[LayerCost]) -> list[LayerCost]:
    return [replace(entry, name="", scope="") for entry in layers]


def numbered(layers: list[LayerCost]) -> list[LayerCost]:
    """Named as Keras names what it builds: by how many of the kind there were before."""
    counts: Counter[str] = Counter()
    named = []
    for entry in layers:
        suffix = f"_{counts[entry.op]}" if counts[entry.op] else ""
        counts[entry.op] += 1
        named.append(replace(entry, name=f"{entry.op.lower()}{suffix}", scope=""))
    return named


def dense(**params: int) -> list[LayerCost]:
    """Matrix products by name, with so many weights."""
    return [layer("MatMul", name, params=number) for name, number in params.items()]


def changes(alignment: Alignment) -> dict[str, int]:
    return dict(Counter(pair.change.value for pair in alignment.pairs))


BASE = network(9)
BLOCK = [conv("extra/conv", (16, 16), 56, scope="extra"), relu("extra/relu", 16, 56, scope="extra")]
TWENTY = {f"n{number}": 100 + number for number in range(20)}
LARGER = network(9, size=64, model="b")
WITH_BLOCK = [*BASE[:10], *BLOCK, *BASE[10:]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param([], [], {}, id="nothing"),
        pytest.param(BASE, BASE, {"unchanged": 18}, id="the same"),
        pytest.param(nameless(BASE), nameless(BASE), {"unchanged": 18}, id="without names"),
        pytest.param([], BASE, {"added": 18}, id="from nothing"),
        pytest.param(BASE, [], {"removed": 18}, id="to nothing"),
        pytest.param(
            network(9, model="net_1"), network(9, model="net_2"), {"unchanged": 18},
            id="numbered anew by Keras",
        ),
        pytest.param(
            BASE, network(9, model="other"), {"unchanged": 18}, id="the model is called otherwise"
        ),
        pytest.param(
            BASE, [replace(entry, name=f"x{n}") for n, entry in enumerate(BASE)],
            {"renamed": 18}, id="renamed",
        ),
        pytest.param(BASE, WITH_BLOCK, {"unchanged": 18, "added": 2}, id="a block more"),
        pytest.param(WITH_BLOCK, BASE, {"unchanged": 18, "removed": 2}, id="a block less"),
        pytest.param(
            numbered(BASE), numbered(WITH_BLOCK), {"unchanged": 18, "added": 2},
            id="a block more, and every later layer numbered anew",
        ),
        pytest.param(
            nameless(BASE), nameless(WITH_BLOCK), {"unchanged": 18, "added": 2},
            id="a block more, without names",
        ),
        pytest.param(BASE, network(9, size=112), {"changed": 18}, id="another input size"),
        pytest.param(
            nameless(BASE), nameless(network(9, size=112)), {"changed": 18},
            id="another input size, without names",
        ),
        pytest.param(
            network(9, model="a"), [*LARGER[:10], *LARGER[8:10], *LARGER[10:]],
            {"changed": 18, "added": 2}, id="another input size, other names and a block more",
        ),
        pytest.param(
            dense(a=1, b=2, c=3, d=4), dense(a=2, b=3, c=4, d=5), {"changed": 4},
            id="each as wide as the next one was",
        ),
        pytest.param(
            dense(x=7, y=7, z=8, **TWENTY), dense(y=7, z=9, **TWENTY),
            {"removed": 1, "unchanged": 21, "changed": 1}, id="names are as good as weights",
        ),
    ],
)  # fmt: skip
def test_changes(old: list[LayerCost], new: list[LayerCost], expected: dict[str, int]) -> None:
    assert changes(align(old, new)) == expected


def test_numbers_are_not_believed_where_weights_say_otherwise() -> None:
    larger = numbered([*LARGER[:10], *LARGER[8:10], *LARGER[10:]])
    added = align(numbered(BASE), larger).of(Change.ADDED)
    # The last of three blocks with 16 channels, and not the last block, whose numbers are new.
    assert [pair.layer.name for pair in added] == ["conv_6", "relu_6"]


A, B, C = (layer("MatMul", name, params=number) for number, name in enumerate("abc", 1))
MOVED = layer("Add", "skip", inputs=[(1, 3)])


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        pytest.param(A, replace(A, params=7), Change.CHANGED, id="other weights, one name"),
        pytest.param(
            layer("Relu", "act"), layer("Gelu", "act"), Change.CHANGED,
            id="another operator under one name",
        ),
        pytest.param(
            layer("Add", "x", scope="m", inputs=[(2, 2)]),
            layer("Add", "y", scope="m", inputs=[(3, 3)]),
            Change.CHANGED, id="another name and other shapes in one module",
        ),
        pytest.param(
            layer("Add", "x", inputs=[(2, 2)]), layer("Add", "y", inputs=[(3, 3)]),
            Change.CHANGED, id="only the operator is the same",
        ),
        pytest.param(A, replace(A, dtype=DType.FLOAT16), Change.CHANGED, id="half precision"),
        pytest.param(A, replace(A, folded=True), Change.CHANGED, id="folded"),
        pytest.param(A, replace(A, live_bytes=9), Change.UNCHANGED, id="what else lives"),
        pytest.param(A, replace(A, name="z"), Change.RENAMED, id="renamed"),
        pytest.param(
            replace(A, scope="m/y"), replace(A, scope="m/z"), Change.RENAMED,
            id="in another module",
        ),
        pytest.param(
            replace(A, name="conv2d_1", scope="net_1/top"),
            replace(A, name="conv2d_23", scope="net/top"),
            Change.UNCHANGED, id="only numbered anew",
        ),
        pytest.param(
            replace(A, name="net/pooling_1/Mean"), replace(A, name="net/pooling_1_1/Mean"),
            Change.UNCHANGED, id="numbered twice",
        ),
    ],
)  # fmt: skip
def test_change_of_one_layer(old: LayerCost, new: LayerCost, change: Change) -> None:
    # Between two layers that stay, as in a model.
    pairs = align([B, old, C], [B, new, C]).pairs
    assert [pair.change for pair in pairs] == [Change.UNCHANGED, change, Change.UNCHANGED]
    assert (pairs[1].old, pairs[1].new) == (old, new)


def add(size: int, name: str = "", scope: str = "") -> LayerCost:
    return layer("Add", name, scope=scope, inputs=[(size, size)])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            [add(2, scope="m/a"), add(2, scope="m/b")], [add(2, scope="m/b")],
            ["removed m/a", "unchanged m/b"], id="the one in the same module",
        ),
        pytest.param(
            [add(2, scope="m/a"), add(3, scope="m/a"), add(4, scope="m/b"), add(5, scope="m/c")],
            [add(3, scope="m/a"), add(6, scope="m/b"), add(7, scope="m/c")],
            ["removed m/a", "unchanged m/a", "changed m/b", "changed m/c"],
            id="the one of the same shapes",
        ),
        pytest.param(
            [add(2, scope="m/a"), add(3, scope="m/b")], [add(4, scope="m/b")],
            ["removed m/a", "changed m/b"], id="the one in the same module, changed",
        ),
        pytest.param(
            [add(2, "a"), add(2, "b")], [add(2, "b")], ["removed a", "unchanged b"],
            id="the one of the same name",
        ),
        pytest.param(
            [add(2, "a"), add(3, "b")], [add(4, "b")], ["removed a", "changed b"],
            id="the one of the same name, changed",
        ),
    ],
)  # fmt: skip
def test_which_of_two(old: list[LayerCost], new: list[LayerCost], expected: list[str]) -> None:
    pairs = align(old, new).pairs
    assert [
        f"{pair.change.value} {pair.layer.name}{pair.layer.scope}" for pair in pairs
    ] == expected


def block(module: str, size: int, number: int) -> list[LayerCost]:
    """A convolution and a ReLU of a module, under names that count them, as PyTorch exports do."""
    return [
        conv(f"conv2d_{number}", (size, size), 56, scope=f"{module}/conv"),
        relu(f"relu_{number}", size, 56, scope=f"{module}/act"),
    ]


def test_modules_say_more_than_numbers() -> None:
    old = [*block("a/0", 8, 1), *block("b/0", 16, 2), *block("b/1", 16, 3)]
    new = [*block("a/0", 8, 1), *block("a/1", 8, 2), *block("b/0", 16, 3), *block("b/1", 16, 4)]
    alignment = align(old, new)
    assert changes(alignment) == {"unchanged": 6, "added": 2}
    assert {pair.layer.scope for pair in alignment.of(Change.ADDED)} == {"a/1/conv", "a/1/act"}


def test_a_layer_does_not_become_one_of_another_module_that_was_there() -> None:
    first, second = relu("relu", 8, 56, scope="a"), relu("relu_1", 8, 56, scope="b")
    old = [first, conv("conv2d", (8, 8), 56, scope="a"), second]
    new = [first, conv("conv2d", (8, 8), 56, kernel=5, scope="b"), second]
    alignment = align(old, new)
    assert [pair.old for pair in alignment.of(Change.REMOVED)] == [old[1]]
    assert [pair.new for pair in alignment.of(Change.ADDED)] == [new[1]]


def test_weights_are_matched_before_what_has_none() -> None:
    # A second ReLU of the same size comes where a wider convolution was, as from ResNet-18 to 50.
    def stage(*entries: LayerCost) -> list[LayerCost]:
        return [replace(entry, name="") for entry in entries]

    down = conv("", (8, 8), 56, kernel=1, scope="s/down")
    wider = conv("", (8, 32), 56, kernel=1, scope="s/down")
    act = relu("", 8, 56, scope="s/act")
    main = conv("", (8, 8), 56, scope="s/main")
    more = conv("", (8, 32), 56, kernel=1, scope="s/more")
    old = stage(main, down, act)
    new = stage(main, act, more, wider, relu("", 32, 56, scope="s/act"))
    pairs = align(old, new).of(Change.CHANGED)
    assert (down, wider) in [(pair.old, pair.new) for pair in pairs]


def stages(size: int) -> list[LayerCost]:
    """Two stages without names, the second on half the size."""
    first = [conv("", (8, 8), size), relu("", 8, size)]
    return [*first, conv("", (8, 8), size // 2, kernel=5), relu("", 8, size // 2)]


def test_weights_say_more_than_shapes() -> None:
    # At twice the size the second stage has the first one's shapes.
    alignment = align(stages(56), stages(112))
    assert changes(alignment) == {"changed": 4}


def test_another_operator_with_other_shapes_is_another_layer_whatever_its_name() -> None:
    alignment = align([layer("Relu", "x")], [layer("Pad", "x", outputs=[(4, 4)])])
    assert changes(alignment) == {"removed": 1, "added": 1}


@pytest.mark.parametrize(
    "moved", [MOVED, replace(MOVED, name="other")], ids=["under its name", "renamed"]
)
def test_a_layer_that_moved(moved: LayerCost) -> None:
    alignment = align([MOVED, A, B, C], [A, B, moved, C])
    assert [pair.change.value for pair in alignment.pairs] == [
        "unchanged", "unchanged", "moved", "unchanged",
    ]  # fmt: skip


def test_a_name_that_occurs_twice_says_nothing() -> None:
    small, large = layer("Gemm", "x", params=1), layer("Gemm", "x", params=2)
    assert changes(align([small, large], [large])) == {"removed": 1, "unchanged": 1}


def test_pairs_stand_in_the_order_of_the_new_version() -> None:
    new = layer("Relu", "new")
    alignment = align([A, B, C], [new, A, C])
    assert [pair.layer for pair in alignment.pairs] == [new, A, B, C]
    assert [pair.layer for pair in alignment.of(Change.REMOVED, Change.ADDED)] == [new, B]
    assert [pair.layer for pair in align([A, B], [B]).pairs] == [A, B]


layers = st.builds(
    layer,
    st.sampled_from(["Conv", "Relu", "Add"]),
    st.sampled_from(["", "a", "b", "c", "conv_1", "conv_2"]),
    scope=st.sampled_from(["", "m", "m/n", "k"]),
    inputs=st.sampled_from([[(1, 2)], [(1, 3)]]),
    params=st.integers(0, 2),
)
models = st.lists(layers, max_size=10)


@given(models, models)
def test_every_layer_stands_in_one_pair(old: list[LayerCost], new: list[LayerCost]) -> None:
    pairs = align(old, new).pairs
    assert [pair.new for pair in pairs if pair.new is not None] == new
    assert Counter(pair.old for pair in pairs if pair.old is not None) == Counter(old)
    for pair in pairs:
        assert (pair.old is None) is (pair.change is Change.ADDED)
        assert (pair.new is None) is (pair.change is Change.REMOVED)


MIRRORED = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED}


@given(models, models)
def test_it_does_not_matter_which_version_is_the_old_one(
    one: list[LayerCost], other: list[LayerCost]
) -> None:
    there = Counter((pair.change, pair.old, pair.new) for pair in align(one, other).pairs)
    back = Counter(
        (MIRRORED.get(pair.change, pair.change), pair.new, pair.old)
        for pair in align(other, one).pairs
    )
    assert there == back


@given(models, models)
def test_what_is_said_of_a_pair_holds(old: list[LayerCost], new: list[LayerCost]) -> None:
    pairs = align(old, new).pairs
    for pair in pairs:
        if pair.change in {Change.MOVED, Change.RENAMED, Change.UNCHANGED}:
            assert pair.old is not None
            assert pair.new is not None
            assert replace(pair.old, name="", scope="") == replace(pair.new, name="", scope="")
    in_order = [pair for pair in pairs if pair.old and pair.new and pair.change is not Change.MOVED]
    assert align(old, new).counts == {
        change: sum(pair.change is change for pair in pairs) for change in Change
    }
    unmoved = [pair.old for pair in in_order if pair.change is not Change.CHANGED]
    # What did not move is a subsequence of both versions.
    rest = iter(old)
    assert all(any(layer == entry for entry in rest) for layer in unmoved)


@given(models)
def test_a_model_is_itself(model: list[LayerCost]) -> None:
    assert set(changes(align(model, model))) <= {"unchanged"}


def test_large_models_align() -> None:
    large = [
        replace(entry, name=f"net_1/{number}", scope="")
        for number, entry in enumerate(network(21) * 120)
    ]
    renamed = [replace(entry, name=f"net_2/x/{n}") for n, entry in enumerate(large)]
    edited = [*BLOCK, *renamed[:1200], *BLOCK, *renamed[1230:], *BLOCK]
    assert len(large) == 5040
    assert changes(align(large, renamed)) == {"renamed": 5040}
    # 1,200 and 3,810 layers stay; 30 went, and 6 of those that came may pass for some of them.
    counted = changes(align(large, edited))
    assert counted["renamed"] >= 5010
    assert sum(counted.values()) - counted.get("added", 0) == 5040
