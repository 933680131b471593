"""Tells a webhook about findings: the plugin `webhook`, in one POST of JSON."""

import os
from collections.abc import Sequence

from costdb.plugins import Finding, hookimpl

VARIABLE = "COSTDB_WEBHOOK_URL"


@hookimpl
def costdb_notify(findings: Sequence[Finding]) -> None:
    """Post findings to the URL that COSTDB_WEBHOOK_URL holds.

    Raises:
        PluginError: There is no such URL, or it did not take the message.
    """
    # Every file that costdb reads loads the plugins; only a notice needs HTTP.
    from costdb_webhook.message import message  # noqa: PLC0415
    from costdb_webhook.posting import post  # noqa: PLC0415

    post(os.environ.get(VARIABLE, ""), message(findings))
