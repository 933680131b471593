"""A copy of costdb with one more file, as anybody may make who adds to it."""

import shutil
from pathlib import Path

import costdb


def copy_with(folder: Path, path: str, content: str) -> str:
    """Copy the package into a folder and add a file.

    Args:
        folder: Where the copy goes.
        path: The file's path in the package, such as "cost/rules/double.py".
        content: What stands in it.

    Returns:
        The folder as PYTHONPATH has it: a command that is given it runs the copy.
    """
    assert costdb.__file__ is not None
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(costdb.__file__).parent, folder / "costdb", ignore=ignored)
    (folder / "costdb" / path).write_text(content)
    return str(folder)
