"""What stands in the modules of a package: rules, conventions, metrics; none is registered."""

import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module


def module_values(package: str, folders: Iterable[str]) -> Iterator[object]:
    """Every module-level value of every module of a package.

    Args:
        package: Its `__name__`.
        folders: Its `__path__`.
    """
    for module in pkgutil.iter_modules(folders):
        yield from vars(import_module(f"{package}.{module.name}")).values()
