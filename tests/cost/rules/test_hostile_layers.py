"""Whatever a file says of a layer, a rule counts it or says why it cannot."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costdb.contracts import COUNT_NAMES
from costdb.cost.rules import built_in_rules
from costdb.ir import DType, Layer, Role, Tensor, Uncountable

# Attributes that rules read, with values of every type.
NAMES = (
    "activation", "activations", "alpha", "axes", "axis", "channel_axis", "classlabels_ints",
    "dft_length", "dim", "equation", "frame_length", "groups", "inverse", "kernel_shape",
    "kernel_size", "kv_num_heads", "mode", "n_fft", "norm", "num_groups", "num_heads", "onesided",
    "ord", "output_mask", "p", "q_num_heads", "qkv_hidden_sizes", "reduction",
    "rotary_embedding_dim", "sampling_ratio", "size", "targets", "transA", "transBatchA",
)  # fmt: skip
VALUES = st.one_of(
    st.integers(-3, 9),
    st.floats(-2, 2),
    st.sampled_from(["", "add", "linear", "max", "ij,jk->ik", "magic"]),
    st.lists(st.integers(-2, 4), max_size=3).map(tuple),
)

shapes = st.one_of(
    st.none(), st.lists(st.sampled_from([0, 1, 2, 3, 4, 8, None]), max_size=5).map(tuple)
)
roles = st.sampled_from([Role.ACTIVATION, Role.STORED])
tensors = st.builds(Tensor, st.just("x"), shapes, st.just(DType.FLOAT32), roles)


@settings(max_examples=60, deadline=None)
@given(
    inputs=st.lists(st.none() | tensors, max_size=10).map(tuple),
    outputs=st.lists(tensors, max_size=3).map(tuple),
    attributes=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6),
)
def test_a_rule_counts_or_says_why_not(
    inputs: tuple[Tensor | None, ...],
    outputs: tuple[Tensor, ...],
    attributes: dict[str, int | float | str | tuple[int, ...]],
) -> None:
    for rule in built_in_rules().values():
        layer = Layer("x", rule.op, inputs, outputs, rule.domain, attributes=attributes)
        try:
            counts = rule.count(layer)
        except Uncountable:
            continue
        numbers = [getattr(counts, name) for name in COUNT_NAMES]
        assert all(type(number) is int and number >= 0 for number in numbers), rule.key
        assert counts.dots <= counts.macs, rule.key


@pytest.mark.parametrize("op", ["Conv", "Gemm", "MatMul"])
def test_accesses_of_nothing_are_uncountable(op: str) -> None:
    accesses = built_in_rules()["", op].accesses
    assert accesses is not None
    with pytest.raises(Uncountable):
        accesses(Layer("x", op, (), ()))
