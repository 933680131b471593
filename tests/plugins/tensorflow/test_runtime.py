"""The two ways to TensorFlow, and what neither may leave behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.binding import Binding
from costdb.canonical import names_json, structure_json
from costdb.errors import BrokenArtifact, PluginError
from costdb.ir import Graph
from costdb.source import Source
from costdb_tensorflow import graph_def, installation
from costdb_tensorflow.c_api import CLibrary
from costdb_tensorflow.python_api import PythonModule
from costdb_tensorflow.runtime import Runtime

Load = Callable[..., Graph]

LOADING = """
import os
import sys
from costdb.binding import Binding
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader

with Source(sys.argv[1]) as source:
    graph = TensorflowLoader().load(source, Binding())
print(len(graph.layers), "tensorflow" in sys.modules, "TF_CPP_MIN_LOG_LEVEL" in os.environ)
"""


def residual() -> Any:
    keras = models.keras()
    given = keras.layers.Input((8, 8, 3))
    stem = models.batch_norm()(models.convolution(4)(given))
    joined = keras.layers.Add()([stem, models.batch_norm()(models.convolution(4)(stem))])
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(joined))
    return keras.Model(given, models.dense(5, activation="softmax")(pooled))


def mobile() -> Any:
    keras = models.keras()
    given = keras.layers.Input((8, 8, 3))
    wide = keras.layers.ReLU(6)(models.batch_norm()(models.convolution(12, 1)(given)))
    deep = models.batch_norm()(models.depthwise()(wide))
    grouped = models.convolution(12, groups=3)(deep)
    return keras.Model(given, models.convolution(3, 1)(grouped))


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Runtime], None]:
    """Load by this way to TensorFlow from now on."""
    return lambda runtime: monkeypatch.setattr(graph_def, "installed", lambda: runtime)


@pytest.mark.parametrize("build", [residual, mobile])
def test_both_ways_give_the_same_graph(
    tmp_path: Path, load: Load, use: Callable[[Runtime], None], build: Callable[[], Any]
) -> None:
    model = build()
    models.randomize(model)
    path = models.freeze(model, tmp_path / "model.pb", (None, 8, 8, 3))
    use(CLibrary())
    by_library = load(path)
    use(PythonModule())
    by_module = load(path)
    assert by_library == by_module
    assert structure_json(by_library) == structure_json(by_module)
    assert names_json(by_library) == names_json(by_module)


@pytest.mark.parametrize("way", [CLibrary, PythonModule])
def test_both_ways_refuse_in_one_line(
    tmp_path: Path, load: Load, use: Callable[[Runtime], None], way: type[Runtime]
) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [1, 4]),
        models.node("y", "MatMul", "x", "x", T=tf.float32),
    )
    use(way())
    with pytest.raises(BrokenArtifact, match="TensorFlow refuses the graph: ") as raised:
        load(path)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("way", [CLibrary, PythonModule])
def test_both_ways_know_operators(way: type[Runtime]) -> None:
    runtime = way()
    assert runtime.definition("NoSuchOperator") is None
    assert (runtime.definition("SplitV") or b"").startswith(b"\n\x06SplitV")


def test_without_the_library_the_module_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise OSError("no such file")

    monkeypatch.setattr(installation, "CLibrary", missing)
    assert isinstance(installation.installed.__wrapped__(), PythonModule)


def test_without_tensorflow_an_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'tensorflow'")

    def no_library() -> None:
        raise OSError("no such file")

    monkeypatch.setattr(installation, "CLibrary", no_library)
    monkeypatch.setattr(installation, "PythonModule", missing)
    with pytest.raises(PluginError, match="cannot be loaded: No module named 'tens") as raised:
        installation.installed.__wrapped__()
    assert raised.value.hint == "pip install tensorflow"


def test_stderr_may_be_closed() -> None:
    code = "import os; os.close(2); from costdb_tensorflow.installation import installed as i; i()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    with installation.quiet():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "1"
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    with installation.quiet():
        pass
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ


def test_a_load_is_quiet_and_does_not_import_tensorflow(tmp_path: Path) -> None:
    path = models.freeze(residual(), tmp_path / "model.pb", (1, 8, 8, 3))
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", LOADING, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    assert done.stdout.split()[1:] == ["False", "False"]


def test_importing_the_plugin_imports_no_framework_and_no_protobuf() -> None:
    code = "import costdb_tensorflow, sys; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "costdb_tensorflow" in loaded
    assert not loaded & {"tensorflow", "keras", "numpy", "google.protobuf", "ctypes"}


def test_a_loaded_source_is_left_open(tmp_path: Path, load: Load) -> None:
    path = models.freeze(residual(), tmp_path / "model.pb", (1, 8, 8, 3))
    with Source(path) as source:
        first = graph_def.load_graph_def(source, Binding())
        assert graph_def.load_graph_def(source, Binding()) == first == load(path)
