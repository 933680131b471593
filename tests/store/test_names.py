"""What models, tags, points and branches may be called."""

from collections.abc import Callable

import pytest

from costdb.errors import UsageError
from costdb.store.names import check_branch, check_model, check_point, check_tag

Check = Callable[[str], str]

INVISIBLE = ["", " ", "v 1", "v\t", "v\n", "v\x00", "v\x1b[31m", "v\u00a0", "v\u202e", "v\ud800"]


@pytest.mark.parametrize("name", ["a", "A9", "0", "resnet-50", "a.b_c", "x" * 128])
def test_models(name: str) -> None:
    assert check_model(name) == name


@pytest.mark.parametrize("name", [*INVISIBLE, "-x", ".x", "_x", "a/b", "a@b", "ä", "x" * 129])
def test_no_models(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_model(name)
    assert "--model detector" in caught.value.hint


@pytest.mark.parametrize("check", [check_tag, check_point])
@pytest.mark.parametrize("name", ["v1.0-rc.1+build", "2026/03", "версия", "🚀", "-", "x" * 128])
def test_tags_and_points(check: Check, name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize("check", [check_tag, check_point])
@pytest.mark.parametrize("name", [*INVISIBLE, "v@1", "x" * 129])
def test_no_tags_and_points(check: Check, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(name)
    assert "without '@'" in caught.value.hint


@pytest.mark.parametrize("name", ["main", "feature/x@y", "renovate/npm-7.x", "x" * 255])
def test_branches(name: str) -> None:
    assert check_branch(name) == name


@pytest.mark.parametrize("name", [*INVISIBLE, "x" * 256])
def test_no_branches(name: str) -> None:
    with pytest.raises(UsageError):
        check_branch(name)
