"""What every request is served with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from costdb.server.configuration import Configuration
from costdb.settings import Settings
from costdb.store import Store


@dataclass(frozen=True, slots=True)
class Service:
    """An open database, and how it is served.

    Attributes:
        configuration: What `costdb serve` was told.
        settings: `costdb.toml` of the folder that the server was started in: its policy holds.
        store: The database, open as long as the server runs.
    """

    configuration: Configuration
    settings: Settings
    store: Store

    @property
    def engine(self) -> Engine:
        """What the functions of `costdb.store` take."""
        return self.store.engine


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(_service)]
