"""Keras' own files, `.keras` and `.h5`: exported by Keras, then costed as the SavedModel it wrote.

They hold the arguments of Python classes, so only running those classes tells what they compute.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from costdb.plugins import (
    ArtifactError,
    ArtifactUnreadable,
    Binding,
    BrokenArtifact,
    Graph,
    PluginError,
    Source,
    TrustRequired,
)
from costdb_tensorflow.installation import quiet
from costdb_tensorflow.keras_files import check_members, is_hdf5
from costdb_tensorflow.runtime import MAX_MESSAGE_LENGTH
from costdb_tensorflow.saved_model import load_saved_model

FILE_FORMAT = "keras"

_BACKEND = "KERAS_BACKEND"

# The attribute of an HDF5 file in which Keras writes the model itself.
_MODEL_ATTRIBUTE = "model_config"


def load_keras_model(source: Source, binding: Binding) -> Graph:
    """The graph of a `.keras` or `.h5` file, which runs Keras and the code that the file names.

    Raises:
        TrustRequired: The binding does not say that this may be done.
        BrokenArtifact: The file is damaged, holds weights alone or unpacks beyond reason.
        ArtifactError: Keras refuses it, as it does Python lambdas, or cannot export it.
        BindingError: An open size has no value, or a binding does not fit.
        PluginError: Keras is not installed.
    """
    with exported(source, trust=binding.trust) as folder, Source(folder) as saved:
        return load_saved_model(saved, binding, FILE_FORMAT)


@contextmanager
def exported(source: Source, *, trust: bool) -> Iterator[Path]:
    """The folder of the SavedModel that Keras makes of a file; it is gone afterwards.

    Raises:
        TrustRequired, BrokenArtifact, ArtifactError, PluginError: As `load_keras_model`.
    """
    path = _local(source)
    is_old = is_hdf5(source)
    if is_old:
        _check_model(path)
    if not trust:
        raise TrustRequired(
            f"{source.name!r} is a Keras model: its layers are known only by running Keras' code",
            hint='export it, model.export("model"), or add --trust',
        )
    if not is_old:
        check_members(path)
    with TemporaryDirectory() as folder:
        # Keras goes by the name; the file may have any.
        named = Path(folder) / ("model.h5" if is_old else "model.keras")
        named.symlink_to(path)
        saved = Path(folder) / "exported"
        with _running(source.name):
            keras = _keras()
            model = keras.saving.load_model(named, compile=False, safe_mode=True)
            model.export(saved, verbose=False)
        yield saved


def _local(source: Source) -> Path:
    if source.path is None:
        raise ArtifactUnreadable(
            f"Keras reads local files alone, and {source.location!r} is none",
            hint="download it and name the local file",
        )
    return source.path.absolute()


def _check_model(path: Path) -> None:
    """Raise BrokenArtifact if an HDF5 file holds no Keras model."""
    try:
        with import_module("h5py").File(path, "r") as file:
            has_model = _MODEL_ATTRIBUTE in file.attrs
    except ImportError as error:
        raise PluginError("HDF5 files need h5py", hint="pip install h5py") from error
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise BrokenArtifact(
            f"{path.name!r} is a damaged HDF5 file: {_line(error)}",
            hint="copy or save the file again",
        ) from error
    if not has_model:
        raise BrokenArtifact(
            f"{path.name!r} holds weights and no model: nothing in it says what is computed",
            hint="save the whole model, model.save(...), or export it, model.export(...)",
        )


def _keras() -> Any:
    """The module `keras` on TensorFlow. Raises PluginError."""
    before = os.environ.get(_BACKEND)
    os.environ[_BACKEND] = "tensorflow"
    try:
        keras: Any = import_module("keras")
    except ImportError as error:
        raise PluginError("Keras is not installed", hint="pip install keras") from error
    finally:
        del os.environ[_BACKEND]
        if before is not None:
            os.environ[_BACKEND] = before
    if keras.backend.backend() != "tensorflow":
        raise PluginError(
            f"Keras runs on {keras.backend.backend()} in this process",
            hint="set KERAS_BACKEND=tensorflow",
        )
    return keras


@contextmanager
def _running(name: str) -> Iterator[None]:
    """Run Keras on a stranger's file: whatever it raises becomes one line, and it says nothing.

    Raises:
        ArtifactError: Keras raised something.
        PluginError: It is not installed.
    """
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PluginError:
        raise
    except Exception as error:
        if "safe_mode" in str(error) or "unsafe" in str(error):
            raise ArtifactError(
                f"{name!r} has a Lambda layer, which is Python code that even Keras does not trust",
                hint='load it where it was made and export it, model.export("model")',
            ) from error
        raise ArtifactError(
            f"Keras cannot load and export {name!r}: {_line(error)}",
            hint='load it where it was made and export it, model.export("model")',
        ) from error


def _line(error: BaseException) -> str:
    """The first line of what an exception says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= MAX_MESSAGE_LENGTH else f"{line[: MAX_MESSAGE_LENGTH - 1]}…"
