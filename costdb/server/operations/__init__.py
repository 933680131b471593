"""What keeps a server up and lets others watch it: health, limits, headers, metrics, logs."""

from fastapi import FastAPI

from costdb.server.configuration import Configuration


def install(app: FastAPI, configuration: Configuration) -> None:
    """Add them to an application."""
