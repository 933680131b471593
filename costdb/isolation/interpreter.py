"""The Python that a reader runs in: how it is started, and what it sees of its surroundings.

It imports little: `early` starts one before anything else is loaded.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

# A process of a second has no use for the garbage collector: it would only walk over modules and
# the graph again and again.
_CODE = "import gc; gc.disable(); from costdb.isolation.child import main; main()"
_COMMAND = ("-P", "-c", _CODE)

# What a reader may know of its surroundings, and, for a URL, how to be let in. Tokens and passwords
# of anything else are none of its business.
_ENVIRONMENT = re.compile(
    r"CURL_CA_BUNDLE|DYLD_.*|HOME|KERAS_.*|LANG|LANGUAGE|LC_.*|LD_LIBRARY_PATH|LOGNAME|MKL_.*"
    r"|OMP_.*|OPENBLAS_.*|PATH|PYTHON.*|REQUESTS_CA_BUNDLE|SSL_CERT_.*|SYSTEMROOT|TEMP|TF_.*|TMP"
    r"|TMPDIR|TORCH_.*|TZ|USER|VIRTUAL_ENV|WINDIR|XDG_.*|(HTTPS?|ALL|NO)_PROXY",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(
    r"ADLFS_.*|AWS_.*|AZURE_.*|BOTO_.*|CLOUDSDK_.*|FSSPEC_.*|GCE_.*|GCLOUD_.*|GCSFS_.*|GOOGLE_.*"
    r"|NETRC|S3_.*",
    re.IGNORECASE,
)


def visible_environment(*, trust: bool = False, is_remote: bool = False) -> dict[str, str]:
    """What of our environment a reader sees.

    Args:
        trust: Whether the artifact's code may run, which may need all of it.
        is_remote: Whether the artifact is behind a URL.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if trust or _ENVIRONMENT.fullmatch(name) or (is_remote and _CREDENTIALS.fullmatch(name))
    }


def start(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a reader, which waits for its request. Raises OSError."""
    return subprocess.Popen(  # noqa: S603 - this interpreter and our own module
        (sys.executable, *_COMMAND),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environment,
        start_new_session=True,  # a process group of its own, which Ctrl-C does not reach
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a reader and whatever it has started; it may have ended already."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
