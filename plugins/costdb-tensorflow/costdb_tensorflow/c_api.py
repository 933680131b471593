"""TensorFlow's C library by ctypes: the way to its shape inference without `import tensorflow`.

The functions: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/c/c_api.h
"""

import ctypes
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from costdb_tensorflow.runtime import Inferred, Shapes, refusal

# Linux, macOS. The second library needs the first.
_LIBRARY_NAMES = (
    ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2"),
    ("libtensorflow_framework.2.dylib", "libtensorflow_cc.2.dylib"),
)


class _Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("data_deallocator", ctypes.c_void_p),
    )


class _Output(ctypes.Structure):
    """TF_Output: an operation and the index of one of its outputs."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


_POINTER = ctypes.c_void_p
_BUFFER = ctypes.POINTER(_Buffer)

# Function -> what it returns and takes. Operations, graphs and statuses are opaque pointers.
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_NewStatus": (_POINTER, ()),
    "TF_DeleteStatus": (None, (_POINTER,)),
    "TF_GetCode": (ctypes.c_int, (_POINTER,)),
    "TF_Message": (ctypes.c_char_p, (_POINTER,)),
    "TF_NewBuffer": (_BUFFER, ()),
    "TF_NewBufferFromString": (_BUFFER, (ctypes.c_char_p, ctypes.c_size_t)),
    "TF_DeleteBuffer": (None, (_BUFFER,)),
    "TF_NewGraph": (_POINTER, ()),
    "TF_DeleteGraph": (None, (_POINTER,)),
    "TF_NewImportGraphDefOptions": (_POINTER, ()),
    "TF_DeleteImportGraphDefOptions": (None, (_POINTER,)),
    "TF_GraphImportGraphDef": (None, (_POINTER, _BUFFER, _POINTER, _POINTER)),
    "TF_GraphGetOpDef": (None, (_POINTER, ctypes.c_char_p, _BUFFER, _POINTER)),
    "TF_GraphNextOperation": (_POINTER, (_POINTER, ctypes.POINTER(ctypes.c_size_t))),
    "TF_OperationName": (ctypes.c_char_p, (_POINTER,)),
    "TF_OperationNumOutputs": (ctypes.c_int, (_POINTER,)),
    "TF_OperationOutputType": (ctypes.c_int, (_Output,)),
    "TF_GraphGetTensorNumDims": (ctypes.c_int, (_POINTER, _Output, _POINTER)),
    "TF_GraphGetTensorShape": (
        None,
        (_POINTER, _Output, ctypes.POINTER(ctypes.c_int64), ctypes.c_int, _POINTER),
    ),
}


class CLibrary:
    """A `Runtime` over the shared libraries of the installed wheel.

    Raises:
        OSError: They are not there, or cannot be loaded.
        AttributeError: They lack a function.
    """

    def __init__(self) -> None:
        self._library = _load()
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype = result
            function.argtypes = arguments

    def definition(self, op: str) -> bytes | None:
        """The encoded OpDef of an operator; None if it is not registered."""
        with self._graph() as graph, self._status() as status:
            buffer = self._library.TF_NewBuffer()
            try:
                self._library.TF_GraphGetOpDef(graph, op.encode(), buffer, status)
                if self._library.TF_GetCode(status):
                    return None
                return ctypes.string_at(buffer.contents.data, buffer.contents.length)
            finally:
                self._library.TF_DeleteBuffer(buffer)

    def shapes(self, graph_def: bytes) -> Shapes:
        """The shape and dtype of every output of an encoded GraphDef. Raises BrokenArtifact."""
        with self._graph() as graph, self._status() as status:
            self._import(graph, graph_def, status)
            return {
                (name, index): Inferred(
                    self._shape(graph, output, status), self._library.TF_OperationOutputType(output)
                )
                for name, index, output in self._outputs(graph)
            }

    def _import(self, graph: int, graph_def: bytes, status: int) -> None:
        options = self._library.TF_NewImportGraphDefOptions()
        buffer = self._library.TF_NewBufferFromString(graph_def, len(graph_def))
        try:
            self._library.TF_GraphImportGraphDef(graph, buffer, options, status)
        finally:
            self._library.TF_DeleteBuffer(buffer)
            self._library.TF_DeleteImportGraphDefOptions(options)
        if self._library.TF_GetCode(status):
            raise refusal(self._library.TF_Message(status).decode(errors="replace"))

    def _outputs(self, graph: int) -> Iterator[tuple[str, int, _Output]]:
        position = ctypes.c_size_t(0)
        while operation := self._library.TF_GraphNextOperation(graph, ctypes.byref(position)):
            name = self._library.TF_OperationName(operation).decode()
            for index in range(self._library.TF_OperationNumOutputs(operation)):
                yield name, index, _Output(operation, index)

    def _shape(self, graph: int, output: _Output, status: int) -> tuple[int | None, ...] | None:
        rank = self._library.TF_GraphGetTensorNumDims(graph, output, status)
        if rank < 0:
            return None
        sizes = (ctypes.c_int64 * rank)()
        self._library.TF_GraphGetTensorShape(graph, output, sizes, rank, status)
        return tuple(None if size < 0 else int(size) for size in sizes)

    @contextmanager
    def _graph(self) -> Iterator[int]:
        graph = self._library.TF_NewGraph()
        try:
            yield graph
        finally:
            self._library.TF_DeleteGraph(graph)

    @contextmanager
    def _status(self) -> Iterator[int]:
        status = self._library.TF_NewStatus()
        try:
            yield status
        finally:
            self._library.TF_DeleteStatus(status)


def _load() -> ctypes.CDLL:
    """The C library of the installed TensorFlow, found without importing it. Raises OSError."""
    found = importlib.util.find_spec("tensorflow")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for framework, library in _LIBRARY_NAMES:
            if (Path(folder) / library).exists():
                ctypes.CDLL(str(Path(folder) / framework))
                return ctypes.CDLL(str(Path(folder) / library))
    raise OSError("TensorFlow's C library is not there")
