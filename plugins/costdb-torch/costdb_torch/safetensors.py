"""`.safetensors`: a JSON header with names, types and sizes, then the weights.

The format: https://github.com/huggingface/safetensors, "Format" in its README.
"""

from costdb.plugins import BrokenArtifact, Graph, Source
from costdb_torch.checked_json import Json
from costdb_torch.dtypes import SAFETENSORS_NAMES
from costdb_torch.program import StoredTensor
from costdb_torch.recognition import HEADER_LENGTH
from costdb_torch.state_dict import role_of, state_dict_graph

FILE_FORMAT = "safetensors"


def load_safetensors(source: Source) -> Graph:
    """The weights of a file that `is_safetensors` accepted. Raises BrokenArtifact."""
    (length,) = HEADER_LENGTH.unpack(source.read(0, HEADER_LENGTH.size))
    header = Json.parse(source.read(HEADER_LENGTH.size, length), f"the header of {source.name!r}")
    data_bytes = source.size - HEADER_LENGTH.size - length
    return state_dict_graph(
        [_stored(key, entry, data_bytes) for key, entry in header.items() if key != "__metadata__"],
        FILE_FORMAT,
    )


def _stored(key: str, entry: Json, data_bytes: int) -> StoredTensor:
    shape = tuple(size.size() for size in entry["shape"].elements())
    dtype = SAFETENSORS_NAMES.get(entry["dtype"].text())
    offsets = [offset.size() for offset in entry["data_offsets"].elements()]
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise entry.broken("has no start and end")
    if offsets[1] > data_bytes:
        raise BrokenArtifact(
            f"tensor {key!r} reaches to byte {offsets[1]:,} of {data_bytes:,} bytes of weights",
            hint="the file is truncated: copy or save it again",
        )
    stored = StoredTensor(key, shape, dtype, role_of(key, dtype))
    if dtype is not None and stored.tensor().nbytes != offsets[1] - offsets[0]:
        raise entry.broken(f"takes {offsets[1] - offsets[0]:,} bytes, which is not its size")
    return stored
