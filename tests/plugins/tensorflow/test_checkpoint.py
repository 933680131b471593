"""Checkpoints without a graph: what is stored, by the index alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import tensorflow_formats as formats
from builders import tensorflow_models as models

from costdb.cost.engine import cost
from costdb.errors import ArtifactUnreadable, BrokenArtifact
from costdb.ir import Graph
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader

Load = Callable[..., Graph]

# Adam keeps two numbers for each weight, and two powers for all.
SLOTS = 2 * formats.WEIGHTS
POWERS = 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> formats.Training:
    training = formats.train(tmp_path_factory.mktemp("training"), use_resource=False)
    training.file(".meta").unlink()
    return training


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a checkpoint of TensorFlow 2: a dense layer, a batch norm and SGD's momentum."""
    tf = models.tensorflow()
    kernel = tf.Variable(tf.random.normal((8, 4)))
    optimizer = models.keras().optimizers.SGD(momentum=0.5)
    optimizer.build([kernel])
    checkpoint = tf.train.Checkpoint(
        kernel=kernel, moving_mean=tf.Variable(tf.zeros(4)), optimizer=optimizer
    )
    return Path(checkpoint.write(str(tmp_path_factory.mktemp("second") / "ckpt-1")) + ".index")


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_a_checkpoint_is_all_that_is_stored(
    trained: formats.Training, load: Load, suffix: str
) -> None:
    graph = load(trained.file(suffix))
    totals = cost(graph).totals
    assert (totals.params, totals.buffers) == (formats.WEIGHTS, SLOTS)
    assert totals.weight_bytes == 4 * (formats.WEIGHTS + SLOTS + POWERS)
    assert totals.macs is None
    assert graph.notes == ("weights only: there is no .meta file with a graph to cost",)


def test_a_checkpoint_of_tensorflow_2(second: Path, load: Load) -> None:
    totals = cost(load(second)).totals
    assert totals.params >= 8 * 4
    assert totals.buffers == 4
    names = {tensor.name for tensor in load(second).unread}
    assert {"kernel", "moving_mean"} <= names
    assert not any("CHECKPOINTABLE" in name for name in names)


def test_the_values_are_not_read(trained: formats.Training, tmp_path: Path, load: Load) -> None:
    alone = tmp_path / "model.ckpt.index"
    alone.write_bytes(trained.file(".index").read_bytes())
    assert cost(load(alone)).totals.params == formats.WEIGHTS


def test_an_index_goes_by_its_content(
    trained: formats.Training, tmp_path: Path, load: Load
) -> None:
    renamed = tmp_path / "anything.bin"
    renamed.write_bytes(trained.file(".index").read_bytes())
    with Source(renamed) as source:
        assert TensorflowLoader().sniff(source)
    assert cost(load(renamed)).totals.params == formats.WEIGHTS


@pytest.mark.parametrize("tenth", range(10))
def test_an_index_that_is_cut_off_is_refused(
    trained: formats.Training, tmp_path: Path, load: Load, tenth: int
) -> None:
    content = trained.file(".index").read_bytes()
    cut = tmp_path / "model.ckpt.index"
    cut.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(BrokenArtifact) as raised:
        load(cut)
    assert "\n" not in raised.value.message


def test_a_damaged_index_is_read_or_refused(
    trained: formats.Training, tmp_path: Path, load: Load
) -> None:
    content = trained.file(".index").read_bytes()
    damaged = tmp_path / "model.ckpt.index"
    messages = []
    for position in range(len(content)):
        damaged.write_bytes(
            content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]
        )
        try:
            load(damaged)
        except BrokenArtifact as error:
            messages.append(error.message)
    assert 0 < len(messages) < len(content)
    assert not [message for message in messages if "\n" in message]


def table(block: bytes, *handles: bytes) -> bytes:
    """A table of one block, with an index of some handles."""
    entries = b"".join(
        bytes([0, 1, len(handle), ord("a") + number]) + handle
        for number, handle in enumerate(handles)
    )
    index = entries + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    trailer = b"\0" * 5
    footer = bytes([0, 0, *varint(len(block) + 5), *varint(len(index))])
    return block + trailer + index + trailer + footer.ljust(40, b"\0") + MAGIC


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


MAGIC = bytes.fromhex("57fb808b247547db")
EMPTY = (0).to_bytes(4, "little") + (1).to_bytes(4, "little")

HOSTILE = [
    pytest.param(
        table(bytes(1 << 20), varint(0) + varint(1 << 20)), "no index", id="one key many times"
    ),
    pytest.param(table(EMPTY), "lists no tensors", id="no entries"),
    pytest.param(
        table(EMPTY, varint(0) + varint(8), varint(0) + varint(8)),
        "no index",
        id="one block many times",
    ),
    pytest.param(
        table(EMPTY, varint(0) + varint(1 << 60)), "has a block of", id="an endless block"
    ),
    pytest.param(
        table(EMPTY, varint(0) + varint(1 << 20)), "a field that lies", id="a block beyond it"
    ),
    pytest.param(
        table(b"\xff" * 64, varint(0) + varint(64)), "no index", id="more restarts than bytes"
    ),
    pytest.param(
        table(b"\xff" * 64 + EMPTY, varint(0) + varint(72)), "no index", id="lengths beyond"
    ),
    pytest.param(b"\xff" * 40 + MAGIC, "no index", id="a footer of nothing"),
]


@pytest.mark.parametrize(("content", "message"), HOSTILE)
def test_a_hostile_index_is_refused(
    tmp_path: Path, load: Load, content: bytes, message: str
) -> None:
    path = tmp_path / "model.ckpt.index"
    path.write_bytes(content)
    with pytest.raises(BrokenArtifact, match=message):
        load(path)


def test_values_alone_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt.data-00000-of-00001"
    path.write_bytes(bytes(4096))
    with Source(path) as source:
        assert not TensorflowLoader().sniff(source)


def test_a_link_out_of_the_folder_is_not_followed(
    trained: formats.Training, tmp_path: Path, load: Load
) -> None:
    (tmp_path / "model.ckpt.index").symlink_to(trained.file(".index"))
    with pytest.raises((BrokenArtifact, ArtifactUnreadable)):
        load(tmp_path / "model.ckpt.data-00000-of-00001")
