"""Fuzzing that coverage guides, by atheris: over the wire walk and the three loaders.

python -m fuzz.guided TARGET SEEDS [libFuzzer's flags]
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

Target = Callable[[bytes], None]

BUG_EXIT = 98

# Target -> the formats whose seeds it starts from, and the packages whose branches guide it.
TARGETS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "protowire": (("onnx", "frozen"), ("costdb.protowire",)),
    "onnx": (("onnx",), ("costdb_onnx", "costdb.cost", "costdb.ir")),
    "tensorflow": (("frozen", "meta_graph"), ("costdb_tensorflow", "costdb.cost", "costdb.ir")),
    "torch": (
        ("exported", "checkpoint", "pickle", "safetensors"),
        ("costdb_torch", "costdb.cost", "costdb.ir"),
    ),
}


def main() -> None:
    """Run one target until a flag or a finding ends it."""
    import atheris

    name, seeds, kept, *flags = sys.argv[1:]
    formats, packages = TARGETS[name]
    folders = [Path(seeds) / kind for kind in formats]
    with tempfile.TemporaryDirectory() as scratch:
        with atheris.instrument_imports(include=list(packages), enable_loader_override=False):
            run = (
                _walk(Path(scratch))
                if name == "protowire"
                else _load(formats[0], Path(scratch), Path(kept))
            )
            # Much is imported where it is first used.
            for folder in folders:
                run(min(folder.iterdir()).read_bytes())
        corpus = Path(scratch, "corpus")
        corpus.mkdir()
        arguments = [sys.argv[0], *map(os.fspath, (corpus, *folders))]
        limits = ["-rss_limit_mb=2048", "-timeout=30", f"-artifact_prefix={kept}/{name}-"]
        atheris.Setup([*arguments, *limits, *flags], run)
        atheris.Fuzz()


def _walk(scratch: Path) -> Target:
    from costdb.errors import BrokenArtifact
    from costdb.protowire import MessageType, fields, skeleton
    from costdb.source import Source

    # Messages that hold each other without end, with bulk among their fields.
    children: dict[int, MessageType] = {}
    message = MessageType("Message", children, frozenset({5, 9}))
    children.update(dict.fromkeys((1, 2, 7), message))
    file = scratch / "file"

    def run(data: bytes) -> None:
        file.write_bytes(data)
        with Source(file) as source:
            try:
                copied = skeleton(source, message)
            except BrokenArtifact:
                return
        assert len(copied) <= len(data)
        file.write_bytes(copied)
        with Source(file) as source:
            assert sum(entry.end - entry.start for entry in fields(source)) == len(copied)

    return run


def _load(kind: str, scratch: Path, kept: Path) -> Target:
    from fuzz.outcome import BUG, allow, forbid_effects, lay_out, outcome_of

    from costdb.plugins import discover

    plugins = discover()
    allow(scratch)
    allow(kept)
    sys.dont_write_bytecode = True

    def run(data: bytes) -> None:
        outcome = outcome_of(lay_out(kind, data, scratch), plugins)
        if outcome.kind == BUG:
            lay_out(kind, data, kept)
            print(outcome.said, file=sys.stderr, flush=True)
            os._exit(BUG_EXIT)

    forbid_effects()
    return run


if __name__ == "__main__":
    main()
