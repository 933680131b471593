"""Lists, stacks and maps of tensors that TensorFlow's loops write and read beside the usual ones.

A list is a handle without a size; what goes in and comes out is moved. `movement` has the rest.
"""

from costdb.contracts import ZERO, Counts, Rule
from costdb.ir import Layer


def _nothing(_: Layer) -> Counts:
    return ZERO


TENSOR_LISTS = tuple(
    Rule(op, _nothing, domain="tf", documentation="Count nothing: lists of tensors are handled.")
    for op in (
        "EmptyTensorMap", "StackCloseV2", "StackPopV2", "StackPushV2", "StackV2",
        "TensorArrayGradV3", "TensorArrayGradWithShape", "TensorListConcat",
        "TensorListConcatLists", "TensorListPushBackBatch", "TensorListScatterIntoExistingList",
        "TensorMapErase", "TensorMapHasKey", "TensorMapInsert", "TensorMapLookup",
        "TensorMapSize", "TensorMapStackKeys",
    )
)  # fmt: skip
