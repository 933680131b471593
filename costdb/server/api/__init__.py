"""The JSON API under `/api/v1`: a file of routes for each thing that is asked for."""

from costdb.server.api import models

routers = (models.router,)
