"""Has `onnx` loaded in parts: its `__init__` runs once something is asked for that needs it.

`onnx/__init__.py` imports NumPy and every submodule, which takes longer than most models take to be
read. Reading needs the message classes, the schemas and the inference, and hardly ever more.
"""

import sys
import threading
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

# What reading needs; these import one another and nothing heavy.
_PARTS = ("onnx_pb", "defs", "checker", "shape_inference")

_MESSAGES = "onnx_pb"

# The thread that runs an `__init__` passes; the others wait for it.
_running = threading.RLock()


class _Package(ModuleType):
    """A package whose `__init__` has not run; it has its submodules and the message classes."""

    has_begun = False

    def __getattr__(self, name: str) -> Any:
        """A message class, or whatever the package has once its `__init__` has run."""
        messages = self.__dict__.get(_MESSAGES)
        if not name.startswith("_") and hasattr(messages, name):
            return getattr(messages, name)
        with _running:
            if name not in self.__dict__ and not self.has_begun:
                self._run()
        if name in self.__dict__:
            return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name)

    def _run(self) -> None:
        self.has_begun = True
        try:
            self.__loader__.exec_module(self)  # type: ignore[union-attr] # typeshed knows less of it
        except BaseException:
            self.has_begun = False
            raise
        # From here on it is a module like any other.
        self.__class__ = ModuleType  # type: ignore[assignment] # Python allows it for modules


def load_parts() -> None:
    """Load the parts of `onnx` that reading needs, unless `onnx` is loaded already.

    Where that does not work, the next import of `onnx` loads all of it.
    """
    spec = None if "onnx" in sys.modules else find_spec("onnx")
    if spec is None or spec.loader is None:
        return
    package = module_from_spec(spec)
    package.__class__ = _Package
    sys.modules["onnx"] = package
    try:
        for part in _PARTS:
            import_module(f"onnx.{part}")
    except Exception:  # noqa: BLE001 - whatever another version of onnx does
        del sys.modules["onnx"]
