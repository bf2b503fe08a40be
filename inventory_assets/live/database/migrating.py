"""Brings the schema of a database to that of this program, when a process starts.

The steps are in `migrations/`; the schema they lead to is declared in `live.tables`. Invariants: one process migrates
at a time, all steps are one transaction, and a schema written by a newer program is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inventory_assets.live.database.problems import DatabaseNewerError
from inventory_assets.live.locks import MIGRATION, SPACE

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection, Engine

STEPS = Path(__file__).with_name("migrations")
WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Schema:
    """Where the schema of a database stands.

    Attributes:
        revision: its revision; None while it is empty.
        head: the revision of this program.
    """

    revision: str | None
    head: str

    @property
    def current(self) -> bool:
        """Whether nothing is to be migrated."""
        return self.revision == self.head


def schema_of(engine: Engine) -> Schema:
    """Where a database stands; nothing is changed.

    Raises:
        DatabaseNewerError: a newer program wrote it.
    """
    with engine.connect() as connection:
        return _schema(connection, _scripts())


def migrate(engine: Engine) -> Schema:
    """Apply what is missing.

    Args:
        engine: the database; its user may change the schema.

    Returns:
        Where the schema stood before.

    Raises:
        DatabaseNewerError: a newer program wrote it.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import text

    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({SPACE}, {MIGRATION})"))
        before = _schema(connection, _scripts())
        if not before.current:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(STEPS))
            command.upgrade(config, "head")
        return before


def _scripts() -> ScriptDirectory:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(STEPS))
    return ScriptDirectory.from_config(config)


def _schema(connection: Connection, scripts: ScriptDirectory) -> Schema:
    from alembic.runtime.migration import MigrationContext

    revision = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if head is None:
        raise DatabaseNewerError("this installation has no migrations; install inventory-assets again")
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNewerError(
            f"the database has schema {revision}, this program knows up to {head}; install the version of "
            "inventory-assets that wrote it, or restore a backup made before the upgrade"
        )
    return Schema(revision, head)
