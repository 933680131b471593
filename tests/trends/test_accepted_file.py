"""Acceptances in a file that is reviewed."""

import errno
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.errors import ConfigurationError
from costdb.trends.acceptance import Acceptance
from costdb.trends.accepted_file import add_accepted, read_accepted

WHEN = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

FULL = Acceptance(
    model="detector", tag="v7", point="b32", metric="macs", scope="scope:decoder/*", value=4_100,
    rules=1, reason='a "larger" decoder\n=cmd()', author="ada", accepted_at=WHEN,
    expires_at=datetime(2027, 1, 1, tzinfo=UTC),
)  # fmt: skip
LEAST = Acceptance(
    model="m", tag="", point="default", metric="dtype", scope="total", value=None, rules=1,
    reason="r", author=None, accepted_at=WHEN,
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "costdb.accepted.toml"


def test_no_file_is_no_acceptance(file: Path) -> None:
    assert read_accepted(file) == ()


def test_they_come_back_as_they_were(file: Path) -> None:
    add_accepted(file, [FULL])
    add_accepted(file, [LEAST])
    assert read_accepted(file) == tuple(replace(one, file=str(file)) for one in (FULL, LEAST))
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_what_is_there_is_kept_to_the_letter(file: Path) -> None:
    add_accepted(file, [FULL])
    own = f"# Ours.\r\n{file.read_text()}# The end.\n"
    file.write_bytes(own.encode())
    file.chmod(0o600)
    add_accepted(file, [LEAST])
    assert file.read_bytes().decode().startswith(own)
    assert len(read_accepted(file)) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_through_a_link_its_target_is_written(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file.symlink_to(tmp_path / "elsewhere" / "a.toml")
    add_accepted(file, [FULL])
    assert file.is_symlink()
    assert len(read_accepted(tmp_path / "elsewhere" / "a.toml")) == 1


@given(st.text(min_size=1), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_written_so_that_it_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, reason: str, author: str
) -> None:
    file = tmp_path_factory.mktemp("accepted") / "a.toml"
    add_accepted(file, [replace(FULL, reason=reason, author=author)])
    (found,) = read_accepted(file)
    assert found.author == author
    # Half of a surrogate pair is no text.
    assert found.reason == reason.encode("utf-8", "replace").decode()


def test_every_mistake_is_said_with_its_line(file: Path) -> None:
    file.write_text(
        """[[accepted]]
modell = "m"
metric = "mac"
scope = "head"
value = -1
rules = "1"
accepted_at = 2026-11-24
expires_at = 7

[[accepted]]
model = "m"
metric = "macs"
reason = "r"
rules = 1
"""
    )
    with pytest.raises(ConfigurationError) as caught:
        read_accepted(file)
    found = [(one.message, one.hint) for one in (caught.value, *caught.value.others)]
    assert found == [
        (f"{file}:1: it has no model", 'write model = "detector"'),
        (f"{file}:1: it has no reason", 'write reason = "added decoder"'),
        (f"{file}:2: 'modell' is no key of an acceptance", "did you mean 'model'?"),
        (f'{file}:3: metric = "mac" is not known', "did you mean 'macs'?"),
        (f'{file}:4: scope = "head" is not known', "known: layer:*, op:*, scope:*, total"),
        (f'{file}:6: rules = "1" is no whole number', "write rules = 1"),
        (
            f'{file}:7: accepted_at = "2026-11-24" is no time with a zone',
            "write accepted_at = 2026-11-24T12:30:00Z",
        ),
        (
            f"{file}:8: expires_at = 7 is no time with a zone",
            "write expires_at = 2026-11-24T12:30:00Z",
        ),
        (f"{file}:10: it has no value", "write value = 1"),
        (f"{file}:10: it has no accepted_at", "write accepted_at = 2026-11-24T12:30:00Z"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("accepted = []\n", "is not valid TOML", id="a list, which cannot go on"),
        pytest.param("[[accepted]]\n", "it has no metric", id="a wrong file"),
        pytest.param("[[acepted]]\n", "'acepted' is no key here", id="a wrong head"),
        pytest.param("[[accepted", "is not valid TOML", id="no TOML"),
    ],
)
def test_a_file_that_is_wrong_stays_as_it_is(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message.replace("[", r"\[")):
        add_accepted(file, [FULL])
    assert file.read_text() == text


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file"):
        add_accepted(tmp_path / "nowhere" / "costdb.accepted.toml", [FULL])


def test_a_full_disk_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_accepted(file, [FULL])
    before = file.read_text()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left on device"):
        add_accepted(file, [LEAST])
    assert file.read_text() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_folder_is_no_file(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        add_accepted(file, [FULL])
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
