"""The form of `costdb.diff/1`, what `costdb diff --format json` prints.

It is written down for who reads that output; nothing in costdb does. Additions are no new version.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from costdb.canonical_schema import Number
from costdb.cost.schema import LayerDocument, TensorDocument
from costdb.trends.alignment import Change

Integer = Annotated[int, Field(strict=True)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SideDocument(_Document):
    """One of the two things that were compared.

    `name` is a version, `detector@v2`, or a file; `structure` is the digest of what was costed;
    with `unknown_ops` (operator -> layers), every total that counts operations is a lower bound.
    """

    name: str
    point: str
    format: str
    structure: str
    inputs: dict[str, TensorDocument]
    unknown_ops: dict[str, Number]


class TotalDocument(_Document):
    """One metric of the whole model.

    `change` is new - old. What is not known is null, and so is `percent` where the old value is 0.
    """

    old: Number | None
    new: Number | None
    change: Integer | None
    percent: float | None


class PartDocument(_Document):
    """A part of the model that changed a metric; `share` is its part of the whole change."""

    scope: str
    change: Integer
    share: float
    text: str


class KindsDocument(_Document):
    """What added, removed and changed layers add, and weights that no layer reads."""

    added: Integer
    removed: Integer
    changed: Integer
    unread: Integer


class AttributionDocument(_Document):
    """Who changed a metric. The changes of `parts`, and those of `kinds`, add up to the total's.

    `kinds` is null for a peak, which is no sum over layers, and where a total is not known.
    """

    parts: list[PartDocument]
    kinds: KindsDocument | None


class CountsDocument(_Document):
    """How many layers each thing happened to; of several things, the first in this order."""

    added: Number
    removed: Number
    changed: Number
    moved: Number
    renamed: Number
    unchanged: Number


class ComparedLayerDocument(_Document):
    """A layer before and now; null where it was not there."""

    change: Change
    old: LayerDocument | None
    new: LayerDocument | None


class DiffDocument(_Document):
    """What `costdb diff --format json` prints.

    `attribution` has the metrics that were asked for, the leading one first. `layers` has those to
    which something happened, in the order of the new version; with `--all`, the others as well.
    """

    schema_: Literal["costdb.diff/1"] = Field(alias="schema")
    headline: str
    rules: Number
    view: Literal["deployed", "stored"]
    old: SideDocument
    new: SideDocument
    notes: list[str]
    totals: dict[str, TotalDocument]
    attribution: dict[str, AttributionDocument]
    counts: CountsDocument
    layers: list[ComparedLayerDocument]
