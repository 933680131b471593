"""What models, versions, branches and operating points may be called.

Checked once, on the way in. `MODEL@TAG` names a version, so neither part holds an "@".
"""

import re

from costdb.errors import UsageError

LONGEST_NAME = 128
LONGEST_BRANCH = 255

_SLUG = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")


def check_model(name: str) -> str:
    """The name of a model. Raises UsageError."""
    if not _SLUG.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a model",
            hint=f"use up to {LONGEST_NAME} letters, digits, '.', '_' and '-', the first a letter"
            " or digit: --model detector",
        )
    return name


def check_tag(name: str) -> str:
    """The tag of a version. Raises UsageError."""
    return _check(name, "tag of a version", "--tag v1", LONGEST_NAME, forbidden="@")


def check_point(name: str) -> str:
    """The name of an operating point. Raises UsageError."""
    return _check(name, "name of an operating point", "--point b32", LONGEST_NAME, forbidden="@")


def check_alias(name: str) -> str:
    """The name of an alias. Raises UsageError."""
    return _check(name, "name of an alias", "prod", LONGEST_NAME, forbidden="@")


def check_branch(name: str) -> str:
    """The name of a branch. Raises UsageError."""
    return _check(name, "name of a branch", "--branch main", LONGEST_BRANCH, forbidden="")


def check_token_name(name: str) -> str:
    """The name of a token. Raises UsageError."""
    return _check(name, "name of a token", "ci-detector", LONGEST_NAME, forbidden="")


def _check(name: str, what: str, example: str, longest: int, forbidden: str) -> str:
    # Neither white space nor control characters, halves of surrogate pairs included.
    is_visible = name.isprintable() and not any(character.isspace() for character in name)
    if not 1 <= len(name) <= longest or not is_visible or set(name) & set(forbidden):
        without = f" and without '{forbidden}'" if forbidden else ""
        raise UsageError(
            f"{name!r} is no {what}",
            hint=f"use up to {longest} visible characters without spaces{without}: {example}",
        )
    return name
