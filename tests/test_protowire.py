"""Skeletons of protobuf files, with protobuf's own parser as the judge."""

import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from costdb.caps import MAX_NESTING
from costdb.errors import BrokenArtifact
from costdb.protowire import (
    FIXED32,
    FIXED64,
    LENGTH_DELIMITED,
    SMALL_FIELD_BYTES,
    VARINT,
    Field,
    MessageType,
    encode_varint,
    fields,
    skeleton,
)
from costdb.source import WINDOW_BYTES, Source
from costdb.testing.recording import RecordingSource

NAME, CHILD, DATA, PACKED, UNPACKED, INTEGERS, FIXED, SINGLE, EXTRA = range(1, 10)
UNKNOWN = 100


def _node_class() -> Any:
    """`message Node`, as protoc would make it."""
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="node.proto", package="test", syntax="proto2")
    node = file.message_type.add(name="Node")
    for name, number, type_, repeated, packed in [
        ("name", NAME, kind.TYPE_STRING, False, False),
        ("child", CHILD, kind.TYPE_MESSAGE, True, False),
        ("data", DATA, kind.TYPE_BYTES, True, False),
        ("packed", PACKED, kind.TYPE_FLOAT, True, True),
        ("unpacked", UNPACKED, kind.TYPE_FLOAT, True, False),
        ("integers", INTEGERS, kind.TYPE_INT64, True, False),
        ("fixed", FIXED, kind.TYPE_FIXED64, False, False),
        ("single", SINGLE, kind.TYPE_FIXED32, False, False),
        ("extra", EXTRA, kind.TYPE_BYTES, False, False),
    ]:
        added = node.field.add(name=name, number=number, type=type_)
        added.label = kind.LABEL_REPEATED if repeated else kind.LABEL_OPTIONAL
        if type_ == kind.TYPE_MESSAGE:
            added.type_name = ".test.Node"
        if repeated and type_ in {kind.TYPE_FLOAT, kind.TYPE_INT64}:
            added.options.packed = packed
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Node"))


Node = _node_class()


def node_type() -> MessageType:
    children: dict[int, MessageType] = {}
    node = MessageType("Node", children, frozenset({DATA, PACKED, UNPACKED, INTEGERS}))
    children[CHILD] = node
    return node


NODE = node_type()
FLAT = MessageType("Flat")


def tagged(number: int, wire_type: int = LENGTH_DELIMITED) -> bytes:
    return encode_varint(number << 3 | wire_type)


def delimited(number: int, payload: bytes) -> bytes:
    return tagged(number) + encode_varint(len(payload)) + payload


def without_bulk(message: Any) -> Any:
    """What `skeleton` promises, written with protobuf's own interface."""
    kept = Node()
    kept.CopyFrom(message)
    sizes = {
        "data": sum(map(len, message.data)),
        "packed": 4 * len(message.packed),
        "unpacked": 4 * len(message.unpacked),
        "integers": sum(len(encode_varint(number)) for number in message.integers),
    }
    for name, size in sizes.items():
        if size > SMALL_FIELD_BYTES:
            kept.ClearField(name)
    del kept.child[:]
    kept.child.extend(without_bulk(child) for child in message.child)
    return kept


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Source]:
    path = tmp_path_factory.mktemp("protowire") / "model.bin"

    def to_source(data: bytes) -> Source:
        path.write_bytes(data)
        return Source(path)

    return to_source


def skeleton_of(source: Source, message: MessageType = NODE) -> bytes:
    with source:
        return skeleton(source, message)


def fields_of(source: Source) -> list[Field]:
    with source:
        return list(fields(source))


# Around what is kept, and around what one window holds.
LENGTHS = st.sampled_from([0, 1, 127, 128, SMALL_FIELD_BYTES, SMALL_FIELD_BYTES + 1, WINDOW_BYTES])
NUMBERS = st.sampled_from([0, 3, SMALL_FIELD_BYTES // 4, SMALL_FIELD_BYTES // 4 + 1])


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> Any:
    node = Node(
        data=[bytes(draw(LENGTHS)) for _ in range(draw(st.integers(0, 2)))],
        packed=[1.5] * draw(NUMBERS),
        unpacked=[2.5] * draw(NUMBERS),
        integers=[draw(st.integers(0, (1 << 63) - 1))] * draw(st.integers(0, 1000)),
    )
    if draw(st.booleans()):
        node.name = draw(st.text(max_size=5))
        node.extra = bytes(draw(LENGTHS))
        node.fixed = draw(st.integers(0, (1 << 64) - 1))
        node.single = draw(st.integers(0, (1 << 32) - 1))
    if depth:
        node.child.extend(draw(st.lists(nodes(depth - 1), max_size=2)))
    if draw(st.booleans()):
        node.MergeFromString(
            delimited(UNKNOWN, bytes(draw(LENGTHS)))
            + tagged(UNKNOWN + 1, VARINT) + encode_varint(draw(st.integers(0, (1 << 64) - 1)))
            + tagged(UNKNOWN + 2, FIXED32) + b"abcd"
            + tagged(UNKNOWN + 3, FIXED64) + b"abcdefgh"
        )  # fmt: skip
    return node


def encoded(message: Any) -> bytes:
    data = message.SerializeToString(deterministic=True)
    assert isinstance(data, bytes)
    return data


class TestSkeleton:
    @given(nodes())
    def test_only_bulk_is_removed(self, write: Callable[[bytes], Source], node: Any) -> None:
        parsed = Node.FromString(skeleton_of(write(encoded(node))))
        assert encoded(parsed) == encoded(without_bulk(node))

    @given(st.binary(max_size=200))
    def test_any_bytes_are_copied_or_refused(
        self, write: Callable[[bytes], Source], data: bytes
    ) -> None:
        # Without bulk, all there is to do is to copy.
        try:
            copied = skeleton_of(write(data), FLAT)
        except BrokenArtifact:
            return
        assert copied == data

    @given(nodes(depth=1), st.data())
    def test_any_damage_is_copied_or_refused(
        self, write: Callable[[bytes], Source], node: Any, data: st.DataObject
    ) -> None:
        damaged = bytearray(encoded(node) or b"\0")
        for _ in range(data.draw(st.integers(1, 3))):
            position = data.draw(st.integers(0, len(damaged) - 1))
            damaged[position] = data.draw(st.integers(0, 255))
        try:
            skeleton_of(write(bytes(damaged)))
        except BrokenArtifact as error:
            assert "\n" not in error.message  # noqa: PT017 - it need not be raised

    @pytest.mark.parametrize(
        ("size", "kept"), [(SMALL_FIELD_BYTES, True), (SMALL_FIELD_BYTES + 1, False)]
    )
    def test_occurrences_count_together(
        self, write: Callable[[bytes], Source], size: int, *, kept: bool
    ) -> None:
        halves = [delimited(DATA, b"a" * 100), delimited(DATA, b"b" * (size - 100))]
        name = delimited(NAME, b"between")
        data = halves[0] + name + halves[1]
        assert skeleton_of(write(data)) == (data if kept else name)

    def test_bulk_of_one_message_does_not_count_in_another(
        self, write: Callable[[bytes], Source]
    ) -> None:
        data = delimited(CHILD, delimited(DATA, bytes(SMALL_FIELD_BYTES))) * 3
        assert skeleton_of(write(data)) == data

    def test_empty(self, write: Callable[[bytes], Source]) -> None:
        assert skeleton_of(write(b"")) == b""

    def test_a_child_of_another_wire_type_is_kept(self, write: Callable[[bytes], Source]) -> None:
        data = tagged(CHILD, VARINT) + b"\x05"
        assert skeleton_of(write(data)) == data

    def test_a_file_cut_off_anywhere(self, tmp_path: Path) -> None:
        # Large enough that both children are walked; what is left is refused, or is a message.
        leaf = Node(name="leaf", data=[bytes(SMALL_FIELD_BYTES + 1)], unpacked=[1.0, 2.0], fixed=7)
        tree = Node(name="tree", integers=[1, 300, 1 << 40], child=[Node(child=[leaf])], single=3)
        data = encoded(tree)
        path = tmp_path / "model.bin"
        path.write_bytes(data)
        valid = []
        for length in range(len(data) - 1, -1, -1):
            os.truncate(path, length)
            try:
                left = skeleton_of(Source(path))
            except BrokenArtifact:
                with pytest.raises(DecodeError):
                    Node.FromString(data[:length])
                continue
            assert encoded(Node.FromString(left)) == encoded(
                without_bulk(Node.FromString(data[:length]))
            )
            valid.append(length)
        # A message may end before each of its fields: name, child, three integers, single.
        assert len(valid) == 6

    @pytest.mark.parametrize(
        ("levels", "accepted"),
        [
            pytest.param(MAX_NESTING, True, id="as deep as allowed"),
            pytest.param(MAX_NESTING + 1, False, id="one deeper"),
            pytest.param(10_000, False, id="deep enough to exhaust the stack"),
        ],
    )
    def test_nesting(
        self, write: Callable[[bytes], Source], levels: int, *, accepted: bool
    ) -> None:
        data = delimited(EXTRA, bytes(SMALL_FIELD_BYTES + 1))
        for _ in range(levels - 1):
            data = delimited(CHILD, data)
        if accepted:
            assert skeleton_of(write(data)) == data
        else:
            with pytest.raises(BrokenArtifact, match="Node nests more than 64 messages deep"):
                skeleton_of(write(data))

    def test_too_much_structure(
        self, write: Callable[[bytes], Source], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The true limit would take half a gigabyte of memory.
        monkeypatch.setattr("costdb.protowire.MAX_SKELETON_BYTES", 100_000)
        part = delimited(EXTRA, bytes(49_000)) + delimited(DATA, bytes(SMALL_FIELD_BYTES + 1))
        assert len(skeleton_of(write(part * 2))) == 2 * (49_000 + 4)
        with pytest.raises(BrokenArtifact, match="more than 100,000 bytes that are not weights"):
            skeleton_of(write(part * 3))


class TestFields:
    def test_each_wire_type(self, write: Callable[[bytes], Source]) -> None:
        data = b"\x08\x96\x01" + b"\x11abcdefgh" + b"\x1a\x02hi" + b"\x25abcd"
        assert fields_of(write(data)) == [
            Field(1, VARINT, start=0, payload=1, end=3, value=150),
            Field(2, FIXED64, start=3, payload=4, end=12, value=0),
            Field(3, LENGTH_DELIMITED, start=12, payload=14, end=16, value=0),
            Field(4, FIXED32, start=16, payload=17, end=21, value=0),
        ]

    def test_between_two_offsets(self, write: Callable[[bytes], Source]) -> None:
        with write(delimited(1, b"\x08\x07") + b"\x10\x01") as source:
            (outer, _) = fields(source)
            assert list(fields(source, outer.payload, outer.end)) == [Field(1, VARINT, 2, 3, 4, 7)]

    @pytest.mark.parametrize(
        ("data", "number", "value"),
        [
            pytest.param(b"\x88\x00\x05", 1, 5, id="tag longer than needed"),
            pytest.param(b"\x08\x85\x80\x80\x00", 1, 5, id="value longer than needed"),
            pytest.param(b"\x08" + b"\xff" * 9 + b"\x01", 1, (1 << 64) - 1, id="-1 as int64"),
            pytest.param(b"\x08" + b"\xff" * 9 + b"\x7f", 1, (1 << 64) - 1, id="over 64 bits"),
            pytest.param(b"\xf8\xff\xff\xff\x0f\x05", (1 << 29) - 1, 5, id="largest number"),
        ],
    )
    def test_varints(
        self, write: Callable[[bytes], Source], data: bytes, number: int, value: int
    ) -> None:
        (entry,) = fields_of(write(data))
        assert (entry.number, entry.value, entry.end) == (number, value, len(data))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            pytest.param(b"\x0b", "at byte 0, no field starts with the byte 0x0b", id="group"),
            pytest.param(b"\x0c", "no field starts with the byte 0x0c", id="end of a group"),
            pytest.param(b"\x0e", "no field starts with the byte 0x0e", id="wire type 6"),
            pytest.param(b"\x0f", "no field starts with the byte 0x0f", id="wire type 7"),
            pytest.param(b"\x00\x00", "no field has the number 0", id="field 0"),
            pytest.param(b"\x85\x80\x80\x80\x10", "has the number 536,870,912", id="field 2^29"),
            pytest.param(b"\x08\x01\x80", "at byte 2, a number is cut off", id="cut-off tag"),
            pytest.param(b"\x08", "a number is cut off", id="no value"),
            pytest.param(b"\x08\x80", "a number is cut off", id="cut-off value"),
            pytest.param(b"\x0a", "a number is cut off", id="no length"),
            pytest.param(b"\x0a\x80", "a number is cut off", id="cut-off length"),
            pytest.param(b"\x80" * 11, "a number is too long", id="tag of 11 bytes"),
            pytest.param(b"\x08" + b"\x80" * 11, "a number is too long", id="value of 11 bytes"),
            pytest.param(b"\x0a" + b"\x80" * 11, "a number is too long", id="length of 11 bytes"),
            pytest.param(b"\x0a\x05abcd", "field 1 reaches to byte 7, .* ends at 6", id="payload"),
            pytest.param(b"\x09abcdefg", "field 1 reaches to byte 9, .* at 8", id="fixed 64"),
            pytest.param(b"\x0dabc", "field 1 reaches to byte 5, .* at 4", id="fixed 32"),
            pytest.param(
                b"\x0a" + b"\xff" * 9 + b"\x01", "reaches to byte 18,446,744,073,709,551,626",
                id="length -1",
            ),
            pytest.param(
                b"\x0a" + b"\xff" * 9 + b"\x7f", "reaches to byte", id="length over 64 bits"
            ),
        ],
    )  # fmt: skip
    def test_broken(self, write: Callable[[bytes], Source], data: bytes, message: str) -> None:
        with pytest.raises(BrokenArtifact, match=message) as raised:
            fields_of(write(data))
        assert raised.value.message.startswith("'model.bin' breaks off or is no protobuf message")
        assert "\n" not in raised.value.message

    def test_a_message_ends_inside_the_file(self, write: Callable[[bytes], Source]) -> None:
        # The last field of the inner message would take its length from the outer one.
        with write(b"\x0a\x01\x0a\x02ab") as source, pytest.raises(BrokenArtifact, match="reaches"):
            list(fields(source, 2, 3))

    def test_an_end_behind_the_file(self, write: Callable[[bytes], Source]) -> None:
        with write(b"\x08\x01") as source, pytest.raises(BrokenArtifact, match="cut off"):
            list(fields(source, 0, 100))

    def test_many_fields_across_windows(self, write: Callable[[bytes], Source]) -> None:
        # 7 bytes a field: headers lie on both sides of every border of a window.
        count = 3 * WINDOW_BYTES // 7
        found = fields_of(write(delimited(3000, b"abc") * count))
        assert [(entry.start, entry.end) for entry in found] == [
            (7 * n, 7 * n + 7) for n in range(count)
        ]  # fmt: skip


@pytest.fixture
def ranges_read(monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """The bytes that are read from files from now on; the reads are real."""
    read: list[range] = []
    pread = os.pread

    def recording(descriptor: int, length: int, offset: int) -> bytes:
        data = pread(descriptor, length, offset)
        read.append(range(offset, offset + len(data)))
        return data

    monkeypatch.setattr(os, "pread", recording)
    return read


@pytest.fixture
def sparse(tmp_path: Path) -> Iterator[Path]:
    """name, 3 GB of weights, a child with 1 GB of weights, extra; of which little is on disk."""
    large, small = 3_000_000_000, 1_000_000_000
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.write(delimited(NAME, b"n") + tagged(DATA) + encode_varint(large))
        file.seek(large, os.SEEK_CUR)
        body = delimited(NAME, b"c") + tagged(PACKED) + encode_varint(small)
        file.write(tagged(CHILD) + encode_varint(len(body) + small) + body)
        file.seek(small, os.SEEK_CUR)
        file.write(delimited(EXTRA, b"end"))
    yield path
    path.unlink()


SPARSE_SKELETON = (
    delimited(NAME, b"n") + delimited(CHILD, delimited(NAME, b"c")) + delimited(EXTRA, b"end")
)


def test_bulk_is_not_read(sparse: Path, ranges_read: list[range]) -> None:
    assert skeleton_of(Source(sparse)) == SPARSE_SKELETON
    # Both pieces of bulk are read into as far as a window reaches, and no further.
    assert sum(map(len, ranges_read)) < 8 * WINDOW_BYTES
    assert all(len(read) <= WINDOW_BYTES for read in ranges_read)


def test_bulk_may_as_well_be_noise(tmp_path: Path) -> None:
    leaf = Node(name="leaf", data=[bytes(100_000)], unpacked=[1.0, 2.0])
    path = tmp_path / "model.bin"
    path.write_bytes(encoded(Node(name="root", packed=[0.0] * 50_000, child=[leaf, leaf])))
    with RecordingSource(path) as recording:
        expected = skeleton(recording, NODE)
        unread = recording.unread()
    # 20 bytes are asked for where a header may stand, of which the last ones may be bulk.
    assert sum(length for _, length in unread) > 4 * 50_000 + 2 * 100_000 - 3 * 20
    with path.open("r+b") as file:
        for offset, length in unread:
            file.seek(offset)
            file.write(b"\xff" * length)
    assert skeleton_of(Source(path)) == expected


def test_memory_does_not_follow_the_file(sparse: Path) -> None:
    skeleton_of(Source(sparse))
    tracemalloc.start()
    try:
        skeleton_of(Source(sparse))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_structure_is_read_at_most_twice(tmp_path: Path, ranges_read: list[range]) -> None:
    # Once for the headers, once for the copy.
    path = tmp_path / "nodes.bin"
    path.write_bytes(delimited(EXTRA, bytes(58)) * 20_000)
    skeleton_of(Source(path), FLAT)
    assert sum(map(len, ranges_read)) <= 2.01 * path.stat().st_size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\1"),
        (150, b"\x96\1"),
        (1 << 63, b"\x80" * 9 + b"\1"),
    ],
)
def test_encode_varint(value: int, expected: bytes) -> None:
    # 150 is the example of protobuf.dev/programming-guides/encoding.
    assert encode_varint(value) == expected
