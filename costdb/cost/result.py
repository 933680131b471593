"""What the cost engine returns, and what the store, the reports and the checks pass around."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum

from costdb.contracts import Counts, Coverage
from costdb.ir import DType, Graph, Shape


class View(Enum):
    """Whether foldable layers cost nothing (deployed) or what the file says (stored)."""

    DEPLOYED = "deployed"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Totals:
    """What a whole graph costs. All are integers; None where there is no graph to cost.

    Attributes:
        params: Elements of the parameters, each tensor once.
        buffers: Elements of the buffers, such as a batch norm's running statistics.
        weight_bytes: Stored bytes of parameters, buffers and constants.
        macs: Multiply-accumulates in dot products.
        flops: Floating-point operations: 2*macs - dots + everything else.
        int_ops: The same sum over layers that compute in integers.
        memory_accesses: Element reads and writes without any reuse.
        traffic_bytes: Bytes if each layer reads its inputs and weights, and writes its outputs,
            once.
        activation_bytes: Bytes of all outputs of all layers.
        peak_activation_bytes: The most bytes of activations that live at one time.
        peak_memory_bytes: The weights and that peak.
        layers: Number of layers.
        unknown_layers: Number of layers that no rule counts.
    """

    params: int
    buffers: int
    weight_bytes: int
    macs: int | None
    flops: int | None
    int_ops: int | None
    memory_accesses: int | None
    traffic_bytes: int | None
    activation_bytes: int | None
    peak_activation_bytes: int | None
    peak_memory_bytes: int | None
    layers: int | None
    unknown_layers: int | None

    def __getitem__(self, metric: str) -> int | None:
        """A total by its name."""
        value: int | None = getattr(self, metric)
        return value


METRICS = tuple(entry.name for entry in fields(Totals))


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one layer costs, with all that a diff or a report says of it.

    Attributes:
        name: The file's name for it.
        op: The operator, with its domain where that is not ONNX's.
        scope: The module path.
        input_shapes: One for each input; None where an optional one is absent or its rank unknown.
        output_shapes: One for each output.
        dtype: What it computes in.
        coverage: What the counts are worth.
        counts: Itemised operations.
        params: Elements of the parameters that this layer is the first to use. Layers that only
            prepare weights, such as a cast of a constant, hand them on.
        buffers: Elements of the buffers that this layer is the first to use.
        weight_bytes: Bytes of the stored tensors that this layer is the first to use.
        memory_accesses: As in `Totals`.
        traffic_bytes: As in `Totals`.
        activation_bytes: Bytes of its outputs.
        live_bytes: Bytes of activations that live while it runs.
        folded: Whether deployment merges it into another layer, so that it costs nothing.
        note: Why it is unknown or bounded.
    """

    name: str
    op: str
    scope: str
    input_shapes: tuple[Shape | None, ...]
    output_shapes: tuple[Shape | None, ...]
    dtype: DType | None
    coverage: Coverage
    counts: Counts
    params: int = 0
    buffers: int = 0
    weight_bytes: int = 0
    memory_accesses: int = 0
    traffic_bytes: int = 0
    activation_bytes: int = 0
    live_bytes: int = 0
    folded: bool = False
    note: str = ""

    @property
    def macs(self) -> int:
        """Multiply-accumulates in dot products."""
        return self.counts.macs

    @property
    def flops(self) -> int:
        """Floating-point operations; 0 for a layer that computes in integers."""
        return self.counts.operations if self._is_floating else 0

    @property
    def int_ops(self) -> int:
        """Integer operations; 0 for a layer that computes in floating point."""
        return 0 if self._is_floating else self.counts.operations

    @property
    def _is_floating(self) -> bool:
        return self.dtype is None or self.dtype.is_floating

    def __getitem__(self, metric: str) -> int:
        """A metric by its name in `Totals`."""
        value: int = getattr(self, metric)
        return value


# The metrics whose total is the sum over the layers.
ADDITIVE_METRICS = (
    "params",
    "buffers",
    "weight_bytes",
    "macs",
    "flops",
    "int_ops",
    "memory_accesses",
    "traffic_bytes",
    "activation_bytes",
)


@dataclass(frozen=True, slots=True)
class GraphCost:
    """What a graph costs under one revision of the rules.

    Attributes:
        rules: The revision of the rules.
        view: Whether foldable layers cost nothing.
        totals: The sums and peaks.
        layers: In the graph's order.
    """

    rules: int
    view: View
    totals: Totals
    layers: tuple[LayerCost, ...]

    @property
    def coverage(self) -> Mapping[Coverage, int]:
        """How many layers are of which coverage; every kind is listed."""
        counted = Counter(layer.coverage for layer in self.layers)
        return {coverage: counted[coverage] for coverage in Coverage}

    @property
    def unknown_ops(self) -> Mapping[str, int]:
        """Operators of unknown layers and how often each occurs, the most frequent first."""
        unknown = (layer.op for layer in self.layers if layer.coverage is Coverage.UNKNOWN)
        return dict(Counter(unknown).most_common())

    @property
    def unknown_reasons(self) -> Mapping[str, str]:
        """Why each operator of `unknown_ops` is not counted, the first reason of each."""
        notes = {
            layer.op: layer.note
            for layer in reversed(self.layers)
            if layer.coverage is Coverage.UNKNOWN
        }
        return {op: notes[op] for op in self.unknown_ops}

    @property
    def peak_position(self) -> int | None:
        """Which layer runs first while the most bytes of activations live; None without layers."""
        positions = range(len(self.layers))
        return max(positions, key=lambda place: self.layers[place].live_bytes, default=None)

    @property
    def is_lower_bound(self) -> bool:
        """Whether something was not counted."""
        return any(layer.coverage is Coverage.UNKNOWN for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Artifact:
    """The file that was costed.

    Attributes:
        path: Path or URL, without credentials.
        file_format: Such as "onnx".
        framework: "onnx", "tensorflow" or "pytorch".
        bytes: Its size; 0 for a Python object.
    """

    path: str
    file_format: str
    framework: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """One artifact at one operating point: its graph and what that costs.

    Attributes:
        artifact: The file.
        graph: What the loader made of it.
        loader: The loader's name.
        loader_revision: The loader's revision.
        structure: The structure's canonical JSON.
        structure_digest: Its digest.
        names: The names' canonical JSON.
        names_digest: Its digest.
        point: The operating point.
        cost: What it costs.
        warnings: What a reader should know.
    """

    artifact: Artifact
    graph: Graph
    loader: str
    loader_revision: int
    structure: bytes
    structure_digest: str
    names: bytes
    names_digest: str
    point: str
    cost: GraphCost
    warnings: tuple[str, ...] = ()
