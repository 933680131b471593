"""What every request is served with."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from costdb.pushing import Recount
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
        recount: Counts a graph that was pushed, by this server's rules.
        writing: To be held while something is written. Where one can write at a time, requests that
            wait here take turns; in SQLite's own queue, the unlucky one waits until it gives up.
    """

    configuration: Configuration
    settings: Settings
    store: Store
    recount: Recount
    writing: AbstractContextManager[object]

    @property
    def engine(self) -> Engine:
        """What the functions of `costdb.store` take."""
        return self.store.engine


async def _service(request: Request) -> Service:  # `async`: it is not worth a thread
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(_service)]
