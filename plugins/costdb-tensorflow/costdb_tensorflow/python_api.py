"""TensorFlow as a Python module: slower and larger than its C library, but it is everywhere."""

from typing import Any

from costdb_tensorflow.runtime import Inferred, Shapes, refusal


class PythonModule:
    """A `Runtime` over `import tensorflow`.

    Raises:
        ImportError: It is not installed, or does not work.
    """

    def __init__(self) -> None:
        import tensorflow as tf

        self._tensorflow: Any = tf

    def definition(self, op: str) -> bytes | None:
        """The encoded OpDef of an operator; None if it is not registered."""
        try:
            return bytes(self._tensorflow.Graph().op_def_for_type(op).SerializeToString())
        except (RuntimeError, self._tensorflow.errors.NotFoundError):
            return None

    def shapes(self, graph_def: bytes) -> Shapes:
        """The shape and dtype of every output of an encoded GraphDef. Raises BrokenArtifact."""
        graph = self._tensorflow.Graph()
        try:
            with graph.as_default():
                self._tensorflow.graph_util.import_graph_def(
                    self._tensorflow.compat.v1.GraphDef.FromString(graph_def), name=""
                )
        except (ValueError, TypeError, self._tensorflow.errors.OpError) as error:
            raise refusal(str(error)) from error
        return {
            (operation.name, index): Inferred(_sizes(output.shape), output.dtype.as_datatype_enum)
            for operation in graph.get_operations()
            for index, output in enumerate(operation.outputs)
        }


def _sizes(shape: Any) -> tuple[int | None, ...] | None:
    return None if shape.rank is None else tuple(shape.as_list())
