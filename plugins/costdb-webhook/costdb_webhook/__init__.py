"""Tells a webhook about findings: the plugin `webhook`, in one POST of JSON."""

import os
from collections.abc import Sequence

from costdb.plugins import Finding, hookimpl
from costdb_webhook.message import message
from costdb_webhook.posting import post

VARIABLE = "COSTDB_WEBHOOK_URL"


@hookimpl
def costdb_notify(findings: Sequence[Finding]) -> None:
    """Post findings to the URL that COSTDB_WEBHOOK_URL holds.

    Raises:
        PluginError: There is no such URL, or it did not take the message.
    """
    post(os.environ.get(VARIABLE, ""), message(findings))
