"""The JSON API under `/api/v1`: a file of routes for each thing that is asked for."""

from costdb.pushing import Push
from costdb.server.api import (
    acceptances,
    checks,
    diffs,
    history,
    models,
    pushes,
    replays,
    versions,
)

routers = (
    models.router,
    history.router,
    versions.router,
    pushes.router,
    diffs.router,
    checks.router,
    replays.router,
    acceptances.router,
)

# What routes that parse their bodies themselves take.
bodies = (Push, checks.CheckRequest, replays.ReplayRequest, acceptances.AcceptRequest)
