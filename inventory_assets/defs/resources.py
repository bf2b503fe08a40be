"""Resources: where things are and what time it is. A test swaps the clock and the folder here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from inventory_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from inventory_assets.pipeline.workspace import Workspace


class Clock(dg.ConfigurableResource):
    """The clock: the machine's, or a fixed instant."""

    fixed: str | None = None

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return datetime.fromisoformat(self.fixed) if self.fixed else datetime.now(UTC)


class Store(dg.ConfigurableResource):
    """The lake, the landing folder and the source profiles, as the settings say."""

    clock: dg.ResourceDependency[Clock]
    _settings: Settings | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Read the settings once for a run or a tick: forty steps and looks of it ask for them."""
        self._settings = Settings()

    def settings(self) -> Settings:
        """Settings of this installation."""
        return self._settings or Settings()

    def workspace(self) -> "Workspace":
        """What the pipeline's steps work with."""
        from inventory_assets.pipeline.open import open_workspace

        return open_workspace(self.settings(), self.clock.now)


class AnalystDuckDB(dg.ConfigurableResource):
    """The published DuckDB file, read-only: for checks and for assets of your own.

    It is dagster-duckdb's resource on the newest published file. A plain `DuckDBResource` on that file would open it
    for writing and wait for every reader.
    """

    @contextmanager
    def get_connection(self) -> Iterator["duckdb.DuckDBPyConnection"]:
        """A read-only connection to the newest publication.

        Raises:
            NothingPublishedError: nothing is published yet.
        """
        from dagster_duckdb import DuckDBResource

        from inventory_assets.publish.layout import resolve

        path = resolve(Settings().serving)
        resource = DuckDBResource(database=str(path), connection_config={"access_mode": "read_only"})
        with resource.get_connection() as connection:
            yield connection


def resources() -> dict[str, dg.ConfigurableResource]:
    """Resources by name."""
    clock = Clock(fixed=Settings().fixed_clock)
    return {"clock": clock, "store": Store(clock=clock), "analyst_duckdb": AnalystDuckDB()}
