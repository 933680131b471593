"""Loading the installed TensorFlow, the fastest way that works.

The C library is there in half a second; `import tensorflow`, which takes five, is for installations
whose library cannot be loaded by itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any

from costdb.plugins import PluginError
from costdb_tensorflow.c_api import CLibrary
from costdb_tensorflow.python_api import PythonModule
from costdb_tensorflow.runtime import MAX_MESSAGE_LENGTH, Runtime

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_STDERR = 2


@cache
def installed() -> Runtime:
    """The fastest way to TensorFlow that works here.

    Raises:
        PluginError: There is none.
    """
    with quiet():
        with suppress(OSError, AttributeError, ValueError):
            return CLibrary()
        try:
            return PythonModule()
        except (ImportError, OSError, AttributeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise PluginError(
                f"TensorFlow cannot be loaded: {reason[:MAX_MESSAGE_LENGTH]}",
                hint="pip install tensorflow",
            ) from error


def imported() -> Any:
    """The Python module `tensorflow`, for what its C library cannot do.

    Raises:
        PluginError: It is not installed, or does not work.
    """
    try:
        return import_module("tensorflow")
    except (ImportError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PluginError(
            f"TensorFlow cannot be imported: {reason[:MAX_MESSAGE_LENGTH]}",
            hint="pip install tensorflow",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep TensorFlow from writing to stderr while it is loaded.

    TF_CPP_MIN_LOG_LEVEL is heeded by its older versions; newer ones greet on stderr before they
    read any setting, so the descriptor itself is turned away for that moment.
    """
    level = os.environ.get(_LOG_LEVEL)
    os.environ[_LOG_LEVEL] = "3"
    try:
        with _stderr_turned_away():
            yield
    finally:
        if level is None:
            del os.environ[_LOG_LEVEL]
        else:
            os.environ[_LOG_LEVEL] = level


@contextmanager
def _stderr_turned_away() -> Iterator[None]:
    try:
        saved = os.dup(_STDERR)
    except OSError:  # it is closed
        yield
        return
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, _STDERR)
    os.close(silence)
    try:
        yield
    finally:
        os.dup2(saved, _STDERR)
        os.close(saved)
