"""The form of `costdb.explain/1`, what `costdb explain --format json` prints.

It is written down for who reads that output; nothing in costdb does. Additions are no new version.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from costdb.canonical_schema import Number
from costdb.cost.schema import ArtifactDocument, ShapeDocument

Difference = Annotated[int, Field(strict=True)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BothTotals(_Document):
    """What both count in all; `difference` is the convention's number less costdb's."""

    costdb: Number
    convention: Number
    difference: Difference


class Uncounted(_Document):
    """How many layers each has no number for; its total is a lower bound if any."""

    costdb: Number
    convention: Number


class ExplainedLayerDocument(_Document):
    """One layer, counted twice; `reason` is empty where the two agree."""

    name: str
    op: str
    scope: str
    output_shape: ShapeDocument
    costdb: Number
    convention: Number
    difference: Difference
    reason: str


class ExplainDocument(_Document):
    """Where two ways to count part; the layers' numbers add up to the totals."""

    schema_: Literal["costdb.explain/1"] = Field(alias="schema")
    rules: Number
    artifact: ArtifactDocument
    point: str
    convention: str
    unit: Literal["MACs", "FLOPs"]
    total: BothTotals
    uncounted: Uncounted
    layers: list[ExplainedLayerDocument]
