"""`.pt2` archives as `torch.export.save` writes them: the program and the list of its weights.

Three layouts are read, all of them zip archives:

- today's: `*/models/model.json`, the weights one file each, listed with sizes and offsets in
  `*/data/weights/model_weights_config.json` and `*/data/constants/model_constants_config.json`;
- PyTorch 2.8's: the same with all weights in one checkpoint, `*/data/weights/model.pt`;
- PyTorch 2.7's and before: `serialized_exported_program.json` beside `serialized_state_dict.pt`
  and `serialized_constants.pt`.

The sample inputs are a pickle that any code may hide in; nothing here reads them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from costdb.plugins import ArtifactError, Binding, BrokenArtifact, Graph, Role
from costdb_torch.archive import Archive
from costdb_torch.checked_json import Json
from costdb_torch.checkpoint import tensors_of_checkpoint
from costdb_torch.export_graph import graph_of
from costdb_torch.export_schema import program_from_json, tensor_meta
from costdb_torch.program import StoredTensor
from costdb_torch.recognition import OLD_PROGRAM, PROGRAM

FILE_FORMAT = "torch-export"

# A program of 100,000 calls, stack traces included, takes about 200 MB.
MAX_JSON_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where an archive keeps things: its program, and pairs of (list or checkpoint, role)."""

    program: str
    lists: tuple[tuple[str, Role], ...]
    checkpoints: tuple[tuple[str, Role], ...]


def load_export(
    archive: Archive,
    binding: Binding,
    *,
    stored: Sequence[StoredTensor] | None = None,
    file_format: str = FILE_FORMAT,
) -> Graph:
    """The graph of an archive that `is_export` accepted.

    Args:
        archive: The archive.
        binding: What the caller says.
        stored: The program's weights, where they are known better than the archive can say.
        file_format: See `Graph`.

    Raises:
        ArtifactError: It is broken, or holds no program or several.
        BindingError: The binding does not fit the program.
    """
    layout = _layout(archive.names)
    program = program_from_json(_json(archive, layout.program))
    notes: list[str] = []
    if stored is None:
        stored = list(_stored(archive, layout, notes))
    return graph_of(program, stored, binding, file_format, notes)


def _layout(names: Sequence[str]) -> _Layout:
    if OLD_PROGRAM in names:
        files = (
            ("serialized_state_dict", Role.PARAMETER),
            ("serialized_constants", Role.CONSTANT),
        )
        return _Layout(
            OLD_PROGRAM,
            (),
            tuple((f"{name}.{end}", role) for name, role in files for end in ("pt", "json")),
        )
    found = [match for match in map(PROGRAM.fullmatch, names) if match]
    chosen = [match for match in found if match["model"] == "model"] or found
    if not chosen:
        raise ArtifactError(
            "the archive holds compiled code and no program",
            hint='save the program itself: torch.export.save(program, "model.pt2")',
        )
    if len(chosen) > 1:
        listed = ", ".join(match["model"] for match in chosen[:8])
        raise ArtifactError(
            f"the archive holds {len(chosen)} programs: {listed}",
            hint="save each to a file of its own with torch.export.save",
        )
    folder, model = chosen[0]["folder"], chosen[0]["model"]
    data = (("weights", Role.PARAMETER), ("constants", Role.CONSTANT))
    return _Layout(
        chosen[0][0],
        tuple((f"{folder}data/{kind}/{model}_{kind}_config.json", role) for kind, role in data),
        tuple((f"{folder}data/{kind}/{model}.pt", role) for kind, role in data),
    )


def _json(archive: Archive, name: str) -> Json:
    return Json.parse(archive.read(name, MAX_JSON_BYTES), name)


def _stored(archive: Archive, layout: _Layout, notes: list[str]) -> Iterator[StoredTensor]:
    """The weights of an archive; where some are objects of unknown size, a note says so."""
    present = set(archive.names)
    for name, role in layout.lists:
        if name in present:
            yield from _listed(_json(archive, name), name, role, notes)
    for name, role in layout.checkpoints:
        file = archive.open(name) if name in present else None
        if file is not None and file.length:
            for entry in tensors_of_checkpoint(file):
                yield replace(entry, role=role, location=(name, entry.location))


def _listed(config: Json, name: str, role: Role, notes: list[str]) -> Iterator[StoredTensor]:
    """The entries of a list of weights."""
    unknown = 0
    for key, entry in config["config"].items():
        described = entry.get("tensor_meta")
        if described is None:
            unknown += 1
            continue
        meta = tensor_meta(described)
        shape = tuple(size for size in meta.sizes if isinstance(size, int))
        if len(shape) != len(meta.sizes):
            raise BrokenArtifact(
                f"the size of weight {key!r} is a formula", hint="export the model again"
            )
        is_buffer = role is Role.PARAMETER and not entry["is_param"].boolean()
        yield StoredTensor(
            key,
            shape,
            meta.dtype,
            Role.BUFFER if is_buffer else role,
            location=(name, entry["path_name"].text(), shape, *_offset_and_strides(described)),
        )
    if unknown:
        notes.append(f"{unknown} of the stored objects are pickled and are not counted")


def _offset_and_strides(meta: Json) -> tuple[int, ...]:
    strides = [stride["as_int"].integer() for stride in meta["strides"].elements()]
    return (meta["storage_offset"]["as_int"].integer(), *strides)
