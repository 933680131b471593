"""How TensorFlow 2 writes loops and branches: operators that name the functions they run.

The operators: https://www.tensorflow.org/api_docs/python/tf/raw_ops/While, If, Case
"""

from collections.abc import Mapping
from typing import Any

# The body first, then the condition.
LOOPS = frozenset({"While", "StatelessWhile"})

# Where an If is told what to run if its condition holds, and if not.
IFS = frozenset({"If", "StatelessIf"})

# Runs the branch of the number that it reads, the last one for any other number.
CASES = frozenset({"Case", "StatelessCase"})

BRANCHES = IFS | CASES

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})

# Operator -> the attributes that name functions.
_CALLED = (
    dict.fromkeys(LOOPS, ("body", "cond"))
    | dict.fromkeys(IFS, ("then_branch", "else_branch"))
    | dict.fromkeys(CALLS, ("f",))
)


def called_functions(op: str, attributes: Mapping[str, Any]) -> list[Any]:
    """The functions that a node names by attribute, each a NameAttrList message."""
    if op in CASES:
        return list(attributes["branches"].list.func) if "branches" in attributes else []
    return [attributes[name].func for name in _CALLED.get(op, ()) if name in attributes]
