"""Units as people write them."""

from collections.abc import Mapping

BYTE_UNITS: Mapping[str, int] = {
    "": 1, "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip

# Unit -> seconds.
TIME_UNITS: Mapping[str, int] = {"": 1, "s": 1, "min": 60, "h": 3600}
