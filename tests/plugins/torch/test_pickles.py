"""Pickles made to run code or to exhaust the reader. Nothing that they name is ever called."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.errors import BrokenArtifact, CostdbError, TrustRequired
from costdb.ir import Graph
from costdb_torch.pickled_tensors import PickledTensor, read_pickle

Load = Callable[..., Graph]


class Runs:
    """Pickles to a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def in_zip(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    return path


def bare(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def after_the_magic(path: Path, data: bytes) -> Path:
    """In the format before PyTorch 1.6, behind its magic number, version and type sizes."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    path.write_bytes(b"".join(pickle.dumps(item, protocol=2) for item in head) + data)
    return path


@pytest.mark.parametrize("wrap", [in_zip, bare, after_the_magic])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("trust", [True, False])
def test_code_is_refused_by_name_and_never_run(
    tmp_path: Path, load: Load, wrap: Callable[..., Path], protocol: int, *, trust: bool
) -> None:
    written = tmp_path / "written"
    harm = {"weight": Runs(os.system, f"touch {written}")}
    path = wrap(tmp_path / "model.pth", pickle.dumps(harm, protocol))
    with pytest.raises(TrustRequired, match=r"names (posix|nt)\.system") as raised:
        load(path, trust=trust)
    assert "\n" not in raised.value.message
    assert not written.exists()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param(b"\x80\x02cbuiltins\neval\n.", "builtins.eval", id="eval"),
        pytest.param(b"\x80\x02c__builtin__\nexec\n.", "__builtin__.exec", id="Python 2's exec"),
        pytest.param(
            b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.",
            "collections.OrderedDict.__class__",
            id="an attribute of what is known",
        ),
        pytest.param(b"\x80\x02ctorch\nload\n.", "torch.load", id="torch.load"),
        pytest.param(
            b"\x80\x02ctorch.storage\n_load_from_bytes\n.",
            "torch.storage._load_from_bytes",
            id="a checkpoint in a pickle",
        ),
        pytest.param(b"\x80\x02(iposix\nsystem\n.", "posix.system", id="the oldest way to call"),
    ],
)
def test_names_that_are_no_part_of_weights(
    tmp_path: Path, load: Load, data: bytes, name: str
) -> None:
    with pytest.raises(TrustRequired, match=name.replace(".", r"\.")):
        load(in_zip(tmp_path / "model.pth", data))


def tensor(*, size: bytes = b"K\x02\x85", key: bytes = b"X\x01\x00\x00\x000") -> bytes:
    """The instructions for a tensor of two floats."""
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + key + b"X\x03\x00\x00\x00cpuK\x02tQ"
    )
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + size + b"K\x01\x85\x89NtR"


def test_a_tensor_by_hand(tmp_path: Path, load: Load) -> None:
    (found,) = load(in_zip(tmp_path / "t.pth", b"\x80\x02" + tensor() + b".")).unread
    assert found.shape == (2,)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x02", id="cut off"),
        pytest.param(b"\x80\x02}q\x00.extra"[:4], id="without an end"),
        pytest.param(b"\x80\x02\xff.", id="no instruction"),
        pytest.param(b"\x80\x02" + tensor(size=b"X\x01\x00\x00\x00a") + b".", id="sizes of text"),
        pytest.param(b"\x80\x02" + tensor(size=b"J\xff\xff\xff\xff\x85") + b".", id="size of -1"),
        pytest.param(b"\x80\x02" + tensor(size=b"K\x01" * 100 + b"t") + b".", id="100 axes"),
        pytest.param(
            # A pair of a pair of a pair: as text, 2 to the 60th.
            b"\x80\x02" + tensor(size=b")" + b"2\x86" * 60) + b".",
            id="sizes that repeat",
        ),
        pytest.param(b"\x80\x02K\x01K\x02R.", id="a call of a number"),
        pytest.param(b"\x80\x02K\x01Q.", id="a storage that is a number"),
        pytest.param(b"\x80\x02\x8a\xff" + b"\x01" * 10 + b".", id="a number that is cut off"),
        pytest.param(b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", id="a dictionary of 1"),
        pytest.param(b"\x80\x02ctorch\nSize\n}bK\x01.", id="a change to a type"),
        pytest.param(
            b"\x80\x02" + tensor() + b"X\x02\x00\x00\x00noNN\x87b.", id="a change to a tensor"
        ),
        pytest.param(
            b"\x80\x02ctorch._utils\n_rebuild_tensor\nN}X\x06\x00\x00\x00_buildNs\x86b.",
            id="a change to a function",
        ),
        pytest.param(b"\x80\x02r\xff\xff\xff\x7f.", id="a memo of two billion objects"),
        pytest.param(b"\x80\x02}r\xff\xff\xff\x7f.", id="a dictionary as object two billion"),
        pytest.param(b"\x80\x02h\x05.", id="an object that was never remembered"),
        pytest.param(b"\x80\x02\x82\x01.", id="an extension"),
        pytest.param(b"\x80\x02" + b"(" * 100_000 + b".", id="marks without an end"),
        pytest.param(b"\x80\x05\x8e" + struct.pack("<Q", 1 << 60) + b".", id="2^60 bytes"),
    ],
)
def test_a_broken_pickle_is_an_error_in_one_line(tmp_path: Path, load: Load, data: bytes) -> None:
    with pytest.raises(BrokenArtifact) as raised:
        load(in_zip(tmp_path / "broken.pth", data))
    assert "\n" not in raised.value.message


def test_nothing_can_be_changed_for_the_next_file(tmp_path: Path, load: Load) -> None:
    """A pickle sets attributes on what it names; the next one must not see them."""
    # SETITEM's way: {"__init__": ...} as the state of the stand-in for a device.
    poison = b"\x80\x02ctorch\ndevice\n}X\x08\x00\x00\x00__call__K\x01sb" + b"0" + tensor() + b"."
    path = in_zip(tmp_path / "poison.pth", poison)
    clean = in_zip(tmp_path / "clean.pth", b"\x80\x02ctorch\ndevice\n)R0" + tensor() + b".")
    with suppress(CostdbError):
        load(path)
    assert len(load(clean).unread) == 1


def test_containers_that_hold_each_other_many_times(tmp_path: Path, load: Load) -> None:
    """2^60 paths lead to the tensor; there are 60 lists."""
    nested = b"".join(b"q%c0]q%c(h%ch%ce" % (i, i + 1, i, i) for i in range(60))
    path = in_zip(tmp_path / "bomb.pth", b"\x80\x02" + tensor() + nested + b".")
    assert len(load(path).unread) == 1


@given(st.binary(max_size=200))
def test_noise_behind_a_header_is_read_or_refused(noise: bytes) -> None:
    try:
        read_pickle(io.BytesIO(b"\x80\x02" + tensor() + noise), "noise")
    except CostdbError as error:
        assert "\n" not in error.message  # noqa: PT017 - it need not be raised


def test_the_file_stands_behind_the_pickle_afterwards() -> None:
    file = io.BytesIO(b"ab" + b"\x80\x02" + tensor() + b"." + b"rest")
    file.seek(2)
    assert isinstance(read_pickle(file, "two").value, PickledTensor)
    assert file.read() == b"rest"
