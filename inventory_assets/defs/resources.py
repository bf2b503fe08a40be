"""Resources: where things are and what time it is. A test swaps the clock and the folder here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from inventory_assets.settings import Settings

if TYPE_CHECKING:
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

    def settings(self) -> Settings:
        """Settings of this installation."""
        return Settings()

    def workspace(self) -> Workspace:
        """What the pipeline's steps work with."""
        from inventory_assets.pipeline.open import open_workspace

        return open_workspace(self.settings(), self.clock.now)


@dg.definitions
def resources() -> dg.Definitions:
    """Resources by name."""
    clock = Clock(fixed=Settings().fixed_clock)
    return dg.Definitions(resources={"clock": clock, "store": Store(clock=clock)})
