"""Every operator that ONNX or core ATen defines is counted, mapped, or left out on purpose."""

from collections.abc import Iterator

from builders.graphs import activation, costed, fed, layer

from costdb.contracts import Coverage
from costdb.cost.engine import CONTROL_FLOW
from costdb.cost.rules import built_in_rules
from costdb.cost.unsupported import UNSUPPORTED
from costdb_torch.operators import OPERATORS, Operator


def core_operators() -> Iterator[tuple[str, str]]:
    """Name and overload of what torch.export's programs come down to."""
    import torch

    for qualified in torch._C._dispatch_get_all_op_names():
        namespace, _, name = qualified.partition("::")
        base, _, overload = name.partition(".")
        packet = getattr(torch.ops.aten, base, None) if namespace == "aten" else None
        operator = getattr(packet, overload or "default", None)
        if operator is not None and torch.Tag.core in operator.tags:
            yield base, overload


def test_every_onnx_operator_has_a_rule_or_a_reason() -> None:
    import onnx.defs

    defined = {(schema.domain, schema.name) for schema in onnx.defs.get_all_schemas()}
    assert len(defined) > 200
    assert defined - set(built_in_rules()) - set(UNSUPPORTED) == CONTROL_FLOW


def test_every_operator_of_onnx_runtime_has_a_rule_or_a_reason() -> None:
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    defined = {
        (schema.domain, schema.name)
        for schema in runtime.get_all_operator_schema()
        if schema.domain == "com.microsoft"
    }
    assert len(defined) > 120
    assert defined - set(built_in_rules()) - set(UNSUPPORTED) == set()


def test_every_core_aten_operator_is_mapped_or_has_a_rule() -> None:
    core = set(core_operators())
    assert len(core) > 150
    # In-place forms are those without the underscore.
    missing = {
        f"{base}.{overload}"
        for base, overload in core
        if base.removesuffix("_") not in OPERATORS
        and f"{base}.{overload}" not in OPERATORS
        and ("aten", base.removesuffix("_")) not in built_in_rules()
    }
    assert missing == set()


def test_what_the_torch_plugin_maps_to_has_rules() -> None:
    targets = {(row.domain, row.op) for row in OPERATORS.values() if isinstance(row, Operator)}
    assert len(targets) > 50
    assert targets - set(built_in_rules()) == set()


def test_nothing_is_counted_and_unsupported_at_once() -> None:
    assert set(built_in_rules()) & set(UNSUPPORTED) == set()
    assert all(reason and not reason.endswith(".") for reason in UNSUPPORTED.values())


def test_the_reason_reaches_whoever_asks() -> None:
    for (domain, op), reason in UNSUPPORTED.items():
        unsupported = layer(op, [fed("x", 4)], activation("y", 4), domain=domain)
        result = costed([unsupported])
        (entry,) = result.layers
        assert (entry.coverage, entry.note) == (Coverage.UNKNOWN, reason)
        assert result.unknown_reasons == {entry.op: reason}
