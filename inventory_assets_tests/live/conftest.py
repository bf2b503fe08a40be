"""One server a session, one database a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.settings import DatabaseSettings, Settings
from inventory_assets_tests.live.databases import installation, made_from, open_folder


@pytest.fixture(scope="session")
def server() -> Iterator[Settings]:
    """An installation whose server runs and whose database `inventory` is migrated; nobody connects to that one."""
    with open_folder() as folder:
        settings = installation(folder)
        (folder / "database").mkdir(mode=0o700)
        embedded = EmbeddedServer(settings)
        os.chown(folder / "database", embedded.account.uid, embedded.account.gid)
        custom = embedded.place.own_settings
        custom.write_text("track_commit_timestamp = on\n")
        os.chown(custom, embedded.account.uid, embedded.account.gid)
        with embedded.owned():
            bring_up(settings)
            yield settings


@pytest.fixture
def url(server: Settings) -> str:
    """URL of a fresh migrated database."""
    return made_from(EmbeddedServer(server).place.url, "fresh", "inventory")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine on it."""
    engine = open_engine(url, DatabaseSettings())
    yield engine
    engine.dispose()


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    """A plain connection to it, each statement committed."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a server of its own."""
    with open_folder() as folder:
        yield folder
