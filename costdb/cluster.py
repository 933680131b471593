"""A Dask cluster as what analyses files; its workers read them in child processes under limits."""

import copyreg
import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from dataclasses import fields
from importlib.metadata import version
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from costdb.contracts import Counts
from costdb.cost.result import LayerCost
from costdb.errors import CostdbError, ReaderCrashed, UsageError, WorkersLost
from costdb.ir import Layer, Tensor
from costdb.plugins import discover

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_SECONDS = 10

_AGAIN = "run the same command again once it is back: what is stored stays, --resume skips it"


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """What runs functions on the workers of a Dask cluster, and how many of them at once.

    That may be none yet: workers may still join.

    Args:
        address: Of the scheduler, such as tcp://host:8786.

    Raises:
        UsageError: Dask is not installed, no scheduler answers, or costdb or a plugin is not what
            it is here on the scheduler or on a worker.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UsageError(
            "--dask needs dask.distributed, which is not installed",
            hint="pip install 'costdb[cluster]'",
        ) from error
    # They tell of lost connections themselves, over many lines.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=f"{_CONNECT_SECONDS}s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address!r}: {error}",
            hint="start one with dask scheduler, and name it as in tcp://host:8786",
        ) from error
    with client:
        _require_same_software(client, address)
        # One file read twice is two readings: it may have changed in between.
        yield client.get_executor(pure=False), sum(client.nthreads().values())


def explained(error: Exception, name: str) -> CostdbError | None:
    """What went wrong with a file that a cluster was to read, if that is the cluster's doing.

    Args:
        error: What came instead of an answer of an executor, which may be of another kind.
        name: The file.

    Returns:
        `ReaderCrashed` if this file ended the workers that it was given to; `WorkersLost` if no
        other file can be read either; None for any other error.
    """
    try:
        from distributed import KilledWorker  # noqa: PLC0415 - an extra
        from distributed.client import ClosedClientError  # noqa: PLC0415 - an extra
        from distributed.comm import CommClosedError  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return None
    if isinstance(error, KilledWorker):
        return ReaderCrashed(
            f"all Dask workers that were given {name!r} died, {error.allowed_failures + 1} in all",
            hint="their logs say why; if it was memory, give them more, or leave --dask out",
        )
    if isinstance(error, CancelledError | ClosedClientError | CommClosedError):
        return WorkersLost(f"the Dask scheduler went away before {name!r} was read", hint=_AGAIN)
    if isinstance(error.__cause__ or error, ImportError):
        return WorkersLost(
            f"the Dask cluster cannot read {name!r}: {error.__cause__ or error}",
            hint="install the same packages on the scheduler and on every worker",
        )
    return None


def _send_as_call(kind: type[Any]) -> None:
    """Have objects of a dataclass pickled as a call with the values of all its fields."""
    values = attrgetter(*(field.name for field in fields(kind)))
    copyreg.pickle(kind, lambda sent: (kind, values(sent)))


# A worker sends thousands of these for a file. Frozen dataclasses with slots are otherwise pickled
# field by field in Python: github.com/python/cpython, Lib/dataclasses.py, _dataclass_getstate.
for _kind in (Tensor, Layer, Counts, LayerCost):
    _send_as_call(_kind)


def _require_same_software(client: "Client", address: str) -> None:
    """Raises UsageError where a machine of the cluster lacks what is installed here."""
    here = _installed()
    answers = client.get_versions(packages=list(here))
    machines = {f"scheduler {address}": answers["scheduler"]}
    machines |= {f"worker {worker}": found for worker, found in answers["workers"].items()}
    for machine, found in machines.items():
        there = found["packages"]
        odd = {name: there.get(name) for name in here if there.get(name) != here[name]}
        if odd:
            listed = ", ".join(
                f"{name} {here[name]}" + (f" (it has {has})" if has else "")
                for name, has in odd.items()
            )
            raise UsageError(
                f"the Dask {machine} lacks {listed}",
                hint="install the same packages on the scheduler and on every worker",
            )


def _installed() -> dict[str, str]:
    """What reads and counts: distribution -> version."""
    plugins = (plugin for plugin in discover().plugins if plugin.loaders or plugin.rules)
    named = (plugin.distribution.rpartition(" ") for plugin in plugins)
    return {"costdb": version("costdb")} | {name: number for name, _, number in named}
