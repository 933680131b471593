"""From the arguments of an ATen call to the attributes of the IR's operator, under ONNX's names."""

from collections.abc import Callable
from string import ascii_letters

from costdb.plugins import AttributeValue
from costdb_torch.calls import Call

Attributes = dict[str, AttributeValue]
FromCall = Callable[[Call], Attributes]


def fixed(**attributes: AttributeValue) -> FromCall:
    """The same attributes for every call."""
    return lambda _: dict(attributes)


def nothing(_: Call) -> Attributes:
    """No attributes."""
    return {}


def axis(default: int) -> FromCall:
    """The axis `dim`."""
    return lambda call: {"axis": call.integer("dim", default)}


def optional_axis(call: Call) -> Attributes:
    """The axis `dim`; none where all elements are meant."""
    return {} if call.number("dim") is None else {"axis": call.integer("dim", 0)}


def axes(call: Call) -> Attributes:
    """The axes `dim`; none where all of them are meant."""
    named = call.integers("dim")
    return {"axes": named} if named else {}


def epsilon(call: Call) -> Attributes:
    """What is added to a variance."""
    value = call.number("eps")
    return {} if value is None else {"epsilon": float(value)}


def convolution(call: Call) -> Attributes:
    """Groups, and the axis of channels: 0 for a single sample without a batch axis, else 1."""
    data = call.tensor("input") or call.tensor("self")
    rank, weight_rank = call.rank(data), call.rank(call.tensor("weight"))
    unbatched = rank is not None and weight_rank is not None and rank == weight_rank - 1
    return {"channel_axis": 0 if unbatched else 1, "group": call.integer("groups", 1)}


def scales(call: Call) -> Attributes:
    """The factors of addmm and its kin, where they are not 1."""
    factors = {"alpha": call.number("alpha"), "beta": call.number("beta")}
    return {name: float(value) for name, value in factors.items() if value not in {None, 1}}


def normalized_axis(call: Call) -> Attributes:
    """The first of the trailing axes that are normalised."""
    return {"axis": -len(call.integers("normalized_shape") or (1,)), **epsilon(call)}


def groups(call: Call) -> Attributes:
    """The number of groups of channels."""
    number = call.integer("num_groups", call.integer("group", 1))
    return {"num_groups": number, **epsilon(call)}


def bounds(low: str, high: str) -> FromCall:
    """The limits of a clip that are given as numbers."""

    def attributes(call: Call) -> Attributes:
        limits = {"min": call.number(low), "max": call.number(high)}
        return {name: float(value) for name, value in limits.items() if value is not None}

    return attributes


def window(rank: int) -> FromCall:
    """The window of a pool over so many axes; a lone number stands for all of them."""

    def attributes(call: Call) -> Attributes:
        sizes = call.integers("kernel_size")
        if not sizes:
            return {}
        return {"kernel_shape": sizes * rank if len(sizes) == 1 else sizes}

    return attributes


def alpha(name: str) -> FromCall:
    """The slope or scale of an activation."""

    def attributes(call: Call) -> Attributes:
        value = call.number(name)
        return {} if value is None else {"alpha": float(value)}

    return attributes


def approximation(call: Call) -> Attributes:
    """How GELU is computed: "none" or "tanh"."""
    return {"approximate": call.text("approximate") or "none"}


def equation(call: Call) -> Attributes:
    """Einstein's sum, without spaces."""
    return {"equation": call.text("equation").replace(" ", "")}


def contraction(call: Call) -> Attributes:
    """A tensordot as Einstein's sum: the axes that are contracted share an index."""
    left, right = call.rank(call.tensor("self")), call.rank(call.tensor("other"))
    pairs = list(zip(call.integers("dims_self"), call.integers("dims_other"), strict=False))
    if left is None or right is None or left + right > len(ascii_letters):
        return {}
    ours, theirs = list(ascii_letters[:left]), list(ascii_letters[left : left + right])
    for our, their in pairs:
        if not (-left <= our < left and -right <= their < right):
            return {}
        theirs[their] = ours[our]
    kept = [index for index in (*ours, *theirs) if (index in ours) != (index in theirs)]
    return {"equation": f"{''.join(ours)},{''.join(theirs)}->{''.join(kept)}"}


def top_k(call: Call) -> Attributes:
    """The axis, and how many elements are kept."""
    return {"axis": call.integer("dim", -1), "k": call.integer("k", 1)}
