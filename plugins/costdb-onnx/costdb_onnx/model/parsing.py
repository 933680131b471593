"""From a file to a ModelProto without bulk."""

from google.protobuf.message import DecodeError
from onnx import ModelProto

from costdb.plugins import BrokenArtifact, Source
from costdb.protowire import skeleton
from costdb_onnx.messages import MODEL


def parse(source: Source) -> ModelProto:
    """The model in a file; data of large tensors are left out and never read.

    Raises:
        BrokenArtifact: The file is cut off, is no ONNX model or holds no graph.
        ArtifactUnreadable: The file cannot be read.
    """
    try:
        model: ModelProto = ModelProto.FromString(skeleton(source, MODEL))
    except DecodeError as error:
        raise BrokenArtifact(
            f"{source.name!r} is no ONNX model that can be decoded",
            hint="the file is damaged: copy or export it again",
        ) from error
    if not model.HasField("graph"):
        raise BrokenArtifact(f"{source.name!r} holds no graph", hint="export the model again")
    return model
