"""The service in this process on a real database of the session's server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.settings import ListenerSettings, Settings
from inventory_assets_tests.api.calling import Calls, calls_of
from inventory_assets_tests.live.conftest import connection, engine, server, url  # noqa: F401 - fixtures


@pytest.fixture
def options() -> ListenerSettings:
    """Settings of the service; a test that wants others overrides this."""
    return ListenerSettings(look_seconds=0.1, wait_seconds=0.2, least_free_bytes=0)


@pytest.fixture
def installed(server: Settings, url: str, options: ListenerSettings) -> Settings:  # noqa: F811
    """The session's server with a fresh database, and settings of the service."""
    assert EmbeddedServer(server).place.url
    return server.model_copy(update={"listener": options})


@pytest.fixture
def calls(installed: Settings, engine: Engine) -> Iterator[Calls]:  # noqa: F811
    """The service, ready to be called."""
    with calls_of(installed, engine) as calls:
        yield calls
