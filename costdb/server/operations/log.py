"""The log: a line for each thing that happened, on stderr, as text or as JSON."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

from costdb.report import escape
from costdb.server.configuration import LogFormat

logger = logging.getLogger("costdb.server")

# What a record may carry besides its message, as `extra={"fields": {...}}`.
FIELDS = "fields"


def configure_log(log_format: LogFormat) -> None:
    """Write what costdb and uvicorn log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if log_format is LogFormat.JSON else _Text())
    for name, level in (("costdb", logging.INFO), ("uvicorn", logging.WARNING)):
        own = logging.getLogger(name)
        own.handlers = [handler]
        own.setLevel(level)
        own.propagate = False


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # ASCII: nothing in it moves a cursor or ends the line.
        return json.dumps(line)


class _Text(logging.Formatter):
    """Time, level, message, and `name=value` for the rest; strangers' text made inert."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, FIELDS, {})
        said = {name: str(value) for name, value in fields.items() if value is not None}
        rest = "".join(f" {name}={_quoted(value)}" for name, value in said.items())
        lines = [f"{record.getMessage()}{rest}"]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        first, *trace = map(escape.plain, lines)
        return "\n".join([f"{_time(record)} {record.levelname:<7} {first}", *trace])


def _quoted(value: str) -> str:
    """A value that ends where it seems to: in quotes, unless it is one word without any."""
    if not re.search(r'[\s"]', value):
        return value
    inside = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{inside}"'


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
