"""The errors a user can cause, as one tree.

    CostdbError                 exit code 1: it could not be done
    ├── UsageError              exit code 2: the command line or a call is wrong
    ├── ArtifactError           the file cannot be costed
    │   ├── ArtifactUnreadable  missing, a folder, no permission, no such bucket
    │   ├── UnknownFormat       no loader claims it, or several do
    │   ├── BrokenArtifact      truncated, malformed, inconsistent
    │   ├── LimitExceeded       reading it takes more memory or time than is allowed
    │   ├── ReaderCrashed       the process that read it died
    │   └── TrustRequired       costing it would run code from the file
    ├── BindingError            an input, dimension or output was bound wrongly
    │   └── UnboundDimension    an open dimension has no value
    ├── CostError               the graph was read, but cannot be costed as asked
    ├── PluginError             a plugin is missing or broken
    ├── ConfigurationError      costdb.toml, a policy or the environment is wrong
    ├── OutputUnwritable        a report cannot be written where it was asked for
    ├── WorkersLost             the cluster that reads the files is gone
    ├── ServerUnavailable       the server cannot be reached, or fails
    ├── AccessDenied            the server wants a token, or one that allows more
    └── StoreError              the database
        ├── VersionConflict     the tag exists with another structure
        ├── NotInDatabase       no such model, version or alias
        ├── BrokenExport        lines to import are damaged, cut off, or of another schema
        ├── SchemaMismatch      the schema is older or newer than this program
        └── DatabaseUnavailable cannot be opened, is locked, is full, is read-only
            └── DatabaseMissing there is no such file

Every error carries one line that says what is wrong, with the value, and a hint that says what
to type next. `cli/main.py` is the one place that catches them.
"""

from typing import ClassVar


class CostdbError(Exception):
    """What a user can cause and mend.

    Args:
        message: What is wrong, with the value, in one line.
        hint: What to type or do next; empty where there is nothing to say.

    Attributes:
        others: Further mistakes that were found with it, such as the rest of a file's.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.others: tuple[CostdbError, ...] = ()


class UsageError(CostdbError):
    """The command line or a call is wrong."""

    exit_code = 2


class ArtifactError(CostdbError):
    """The artifact cannot be costed."""


class ArtifactUnreadable(ArtifactError):
    """The artifact is missing, a folder, or may not be read."""


class UnknownFormat(ArtifactError):
    """No loader claims the artifact, or several do."""


class BrokenArtifact(ArtifactError):
    """The artifact is truncated, malformed or contradicts itself."""


class LimitExceeded(ArtifactError):
    """Reading the artifact takes more memory or time than `--limit` allows."""


class ReaderCrashed(ArtifactError):
    """The process that read the artifact died before it had an answer."""


class TrustRequired(ArtifactError):
    """Costing the artifact would run code from it, and `--trust` was not given."""


class BindingError(CostdbError):
    """An input, dimension, trip count or output was bound wrongly."""


class UnboundDimension(BindingError):
    """An open dimension has no value."""


class CostError(CostdbError):
    """The graph was read, but cannot be costed as asked."""


class PluginError(CostdbError):
    """A plugin is missing or broken."""


class ConfigurationError(CostdbError):
    """`costdb.toml`, a policy file or the environment is wrong."""


class OutputUnwritable(CostdbError):
    """A report cannot be written where it was asked for."""


class WorkersLost(CostdbError):
    """The cluster that reads the files is gone, or cannot run what it is given."""


class ServerUnavailable(CostdbError):
    """The server cannot be reached, is no costdb server, or fails."""


class AccessDenied(CostdbError):
    """The server wants a token, or one that allows more."""


class StoreError(CostdbError):
    """The database refused."""


class VersionConflict(StoreError):
    """The tag exists with another structure."""


class NotInDatabase(StoreError):
    """No such model, version or alias."""


class BrokenExport(StoreError):
    """The lines to import are damaged, cut off, or of another schema."""


class SchemaMismatch(StoreError):
    """The schema is older or newer than this program."""


class DatabaseUnavailable(StoreError):
    """The database cannot be opened, or is locked, full or read-only."""


class DatabaseMissing(DatabaseUnavailable):
    """There is no such database file, and what only reads creates none."""
