"""What a loader promises, as tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from costdb import canonical
from costdb.binding import Binding
from costdb.contracts import Loader
from costdb.cost.engine import cost
from costdb.errors import CostdbError
from costdb.ir import Graph
from costdb.source import Source
from costdb.testing.recording import RecordingSource

FRAMEWORKS = ("jax", "keras", "numpy", "onnx", "tensorflow", "torch")

# At how many places, evenly spread, a sample is cut off.
CUTS = 10

# What no loader of models may claim.
FOREIGN_FILES = {
    "empty": b"",
    "text": b"No model, just a few words.\n" * 40,
    "json": b'{"layers": []}',
    "zeros": bytes(4096),
    "noise": bytes((i * i * 7 + i // 3) % 251 for i in range(8192)),
    "image": b"\x89PNG\r\n\x1a\n" + bytes(512),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that the loader reads.

    Attributes:
        path: The file.
        binding: What it leaves open.
        params: Its number of parameters.
        macs: Its MACs; None for a state dict.
        bulk_bytes: How much of the file must never be read; 0 for a file without large weights, or
            of a format whose weights lie between its structure.
    """

    path: Path
    params: int
    macs: int | None = None
    binding: Binding = field(default_factory=Binding)
    bulk_bytes: int = 0


class LoaderContract:
    """The tests that every loader passes; see the package's documentation.

    Attributes:
        loader: The loader under test.
        module: The plugin's package, whose import must load no framework.
        frameworks: What that import must not load.
    """

    loader: Loader
    module: str
    frameworks: Sequence[str] = FRAMEWORKS

    def test_it_is_a_loader(self) -> None:
        """It has a name, a revision and suffixes."""
        assert isinstance(self.loader, Loader)
        assert self.loader.name.isidentifier()
        assert self.loader.revision >= 1
        assert all(suffix.startswith(".") for suffix in self.loader.suffixes)

    def test_it_claims_its_samples_by_content(
        self, samples: Iterable[Sample], tmp_path: Path
    ) -> None:
        """The name of a file decides nothing."""
        for number, sample in enumerate(samples):
            renamed = tmp_path / f"renamed-{number}.bin"
            shutil.copy(sample.path, renamed)
            with Source(renamed) as source:
                assert self.loader.sniff(source), sample.path

    def test_it_claims_nothing_else(self, tmp_path: Path) -> None:
        """Neither text nor noise nor a folder, whatever they are called."""
        for name, content in FOREIGN_FILES.items():
            for suffix in ("", *self.loader.suffixes):
                path = tmp_path / f"{name}{suffix}"
                path.write_bytes(content)
                with Source(path) as source:
                    assert not self.loader.sniff(source), path
        with Source(tmp_path) as source:
            assert not self.loader.sniff(source)

    def test_it_costs_its_samples_as_promised(self, samples: Iterable[Sample]) -> None:
        """Parameters and MACs to the integer."""
        for sample in samples:
            totals = cost(self._load(sample)).totals
            assert (totals.params, totals.macs) == (sample.params, sample.macs), sample.path

    def test_the_graph_survives_its_json(self, samples: Iterable[Sample]) -> None:
        """What is stored is what was loaded."""
        for sample in samples:
            graph = self._load(sample)
            structure, names = canonical.structure_json(graph), canonical.names_json(graph)
            restored = canonical.graph_from_json(structure, names)
            assert canonical.structure_json(restored) == structure
            assert canonical.names_json(restored) == names

    def test_it_is_deterministic(self, samples: Iterable[Sample]) -> None:
        """The same file gives the same structure and the same names."""
        for sample in samples:
            once, again = self._load(sample), self._load(sample)
            assert canonical.structure_json(once) == canonical.structure_json(again)
            assert canonical.names_json(once) == canonical.names_json(again)

    def test_it_reads_structure_only(self, samples: Iterable[Sample], tmp_path: Path) -> None:
        """What it did not read is at least the promised bulk, and may as well be noise."""
        for number, sample in enumerate(samples):
            with RecordingSource(sample.path) as source:
                graph = self.loader.load(source, sample.binding)
                unread = source.unread()
            assert sum(length for _, length in unread) >= sample.bulk_bytes, sample.path
            poisoned = tmp_path / f"poisoned-{number}{sample.path.suffix}"
            shutil.copy(sample.path, poisoned)
            _poison(poisoned, unread)
            with Source(poisoned) as source:
                again = self.loader.load(source, sample.binding)
            assert canonical.structure_json(again) == canonical.structure_json(graph)

    def test_a_truncated_file_is_an_error_in_one_line(
        self, samples: Iterable[Sample], tmp_path: Path
    ) -> None:
        """Wherever it is cut off."""
        for number, sample in enumerate(samples):
            size = sample.path.stat().st_size
            for cut in range(CUTS):
                path = tmp_path / f"cut-{number}-{cut}{sample.path.suffix}"
                shutil.copy(sample.path, path)
                os.truncate(path, size * cut // CUTS)
                self._assert_refused(path, sample.binding)

    def test_control_flow_names_what_its_bodies_take_from_outside(
        self, samples: Iterable[Sample]
    ) -> None:
        """What a body reads and does not make is among its layer's captures."""
        for sample in samples:
            for layer in self._load(sample).all_layers():
                captured = {tensor.name for tensor in layer.captures}
                for body in layer.bodies:
                    assert _free_names(body.graph) <= captured, (sample.path, layer.name)

    def test_importing_the_plugin_loads_no_framework(self) -> None:
        """A command that reads no model pays for none."""
        code = (
            f"import sys, {self.module}\n"
            f"print(*[name for name in {tuple(self.frameworks)!r} if name in sys.modules])"
        )
        # The new process finds the plugin where this one does.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert not done.stdout.strip(), f"{self.module} imports {done.stdout.strip()}"

    def _load(self, sample: Sample) -> Graph:
        with Source(sample.path) as source:
            return self.loader.load(source, sample.binding)

    def _assert_refused(self, path: Path, binding: Binding) -> None:
        try:
            with Source(path) as source:
                self.loader.load(source, binding)
        except CostdbError as error:
            message = error.message
        else:
            raise AssertionError(f"{path} was read, although it is cut off")
        assert message, path
        assert "\n" not in message, path


def _free_names(body: Graph) -> set[str]:
    """Names that a body reads and neither makes, nor stores, nor is fed."""
    made = {tensor.name for tensor in body.inputs}
    made.update(tensor.name for layer in body.layers for tensor in layer.outputs)
    read = {tensor for layer in body.layers for tensor in layer.reads} | set(body.outputs)
    return {tensor.name for tensor in read if not tensor.role.is_stored} - made


def _poison(path: Path, ranges: Iterable[tuple[int, int]]) -> None:
    with path.open("r+b") as file:
        for offset, length in ranges:
            file.seek(offset)
            file.write(b"\xff" * length)
