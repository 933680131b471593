"""The installed plugins as a listing and as JSON."""

from typing import Any

from costdb.plugins import Plugins
from costdb.report.listing import Column, Listing, Unit


def plugins_listing(plugins: Plugins) -> Listing:
    """A row for each plugin, those that failed with the reason."""
    return Listing(
        (
            Column("plugin"),
            Column("from"),
            Column("loaders"),
            Column("files"),
            Column("rules", Unit.EXACT),
            Column("freezes"),
            Column("notifies"),
            Column("state"),
        ),
        [
            (
                plugin.name,
                plugin.distribution,
                ", ".join(loader.name for loader in plugin.loaders),
                " ".join(suffix for loader in plugin.loaders for suffix in loader.suffixes),
                len(plugin.rules),
                "yes" if plugin.freezers else "",
                "yes" if plugin.notifier else "",
                plugin.problem or "works",
            )
            for plugin in plugins.plugins
        ],
        footer=() if plugins.plugins else ("none: pip install costdb-onnx costdb-tensorflow",),
    )


def plugins_document(plugins: Plugins) -> dict[str, Any]:
    """Every plugin; `problem` is empty if it works."""
    return {
        "schema": "costdb.plugins/1",
        "plugins": [
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "loaders": [
                    {
                        "name": loader.name,
                        "revision": loader.revision,
                        "suffixes": list(loader.suffixes),
                    }
                    for loader in plugin.loaders
                ],
                "rules": [":".join(filter(None, rule.key)) for rule in plugin.rules],
                "freezers": [freezer.name for freezer in plugin.freezers],
                "notifies": plugin.notifier is not None,
                "problem": plugin.problem,
            }
            for plugin in plugins.plugins
        ],
    }
