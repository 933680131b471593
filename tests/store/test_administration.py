from collections.abc import Callable

import pytest
from builders.analyses import NOW

from costdb.errors import CostdbError, NotInDatabase, UsageError
from costdb.store import Store, lineage, read
from costdb.store.administration import rename, set_archived
from costdb.store.history import history
from costdb.store.records import IngestOutcome

Add = Callable[..., IngestOutcome]


def test_an_archived_version_is_in_no_list_and_no_baseline(store: Store, add: Add) -> None:
    add("v1")
    add("v2", width=16)
    found, changed = set_archived(store.engine, "detector@v1", NOW)
    assert (found.tag, changed) == ("v1", True)
    v2 = read.resolve(store.engine, "detector@v2")
    assert lineage.neighbours(store.engine, [v2])[v2.id, "default"].previous is None
    (series,) = history(store.engine, "detector")
    assert [entry.tag for entry in series.versions] == ["v2"]
    assert read.resolve(store.engine, "detector@v1").archived_at == NOW


def test_it_comes_back(store: Store, add: Add) -> None:
    add("v1")
    set_archived(store.engine, "detector@v1", NOW)
    assert set_archived(store.engine, "detector@v1", NOW)[1] is False
    assert set_archived(store.engine, "detector@v1", None)[1] is True
    assert set_archived(store.engine, "detector@v1", None)[1] is False
    assert read.resolve(store.engine, "detector").tag == "v1"


def test_a_model_without_a_tag_is_not_archived(store: Store, add: Add) -> None:
    add("v1")
    with pytest.raises(UsageError, match="names no version"):
        set_archived(store.engine, "detector", NOW)


def test_a_renamed_model_keeps_its_history(store: Store, add: Add) -> None:
    add("v1")
    rename(store.engine, "detector", "finder")
    add("v2", model="finder")
    (series,) = history(store.engine, "finder")
    assert [entry.tag for entry in series.versions] == ["v1", "v2"]
    with pytest.raises(NotInDatabase, match="is called 'finder' now"):
        read.resolve(store.engine, "detector")
    with pytest.raises(UsageError, match="is called 'finder' now"):
        add("v3", model="detector")


def test_a_model_may_take_its_old_name_back(store: Store, add: Add) -> None:
    add("v1")
    rename(store.engine, "detector", "finder")
    rename(store.engine, "finder", "detector")
    (model,) = read.models(store.engine)
    assert (model.name, model.former_names) == ("detector", ("finder",))


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        pytest.param("detector", "a b", UsageError, "no name for a model", id="no-name"),
        pytest.param("detector", "other", UsageError, "a model 'other' already", id="taken"),
        pytest.param("detector", "detector", UsageError, "already", id="same"),
        pytest.param("detector", "before", UsageError, "was called 'before'", id="taken-before"),
        pytest.param("nobody", "somebody", NotInDatabase, "no model 'nobody'", id="missing"),
    ],
)
def test_a_rename_that_would_confuse_is_refused(
    store: Store, add: Add, *, old: str, new: str, error: type[CostdbError], message: str
) -> None:
    add("v1")
    add("v1", model="before")
    rename(store.engine, "before", "other")
    with pytest.raises(error, match=message):
        rename(store.engine, old, new)
    assert {model.name for model in read.models(store.engine)} == {"detector", "other"}
