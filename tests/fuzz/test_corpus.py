"""What fuzzing found once stays found: small files, each read as the command reads it.

`corpus/FORMAT-WHAT.suffix`, or a folder of that name for a format that is one. Whatever a file did,
a process of its own keeps it from doing more than to end in an error with a message.
"""

import os
from pathlib import Path

import pytest

from costdb import api
from costdb.errors import CostdbError

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_a_file_that_fuzzing_found(path: Path) -> None:
    message = ""
    try:
        analysis = api.analyze(os.fspath(path))
    except CostdbError as error:
        message = error.message
        assert message.isprintable()
    else:
        assert analysis.cost.totals.params >= 0
