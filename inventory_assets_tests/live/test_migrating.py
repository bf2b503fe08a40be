from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from inventory_assets.live.database.migrating import migrate, schema_of
from inventory_assets.live.database.opening import check_fit, database_url, open_engine, shown_url
from inventory_assets.live.database.problems import DatabaseDownError, DatabaseNewerError, DatabaseUnfitError
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.tables import METADATA
from inventory_assets.settings import DatabaseSettings, Settings
from inventory_assets_tests.live.databases import made_from, schema_text


@pytest.fixture
def empty(server):
    """URL of a database without tables."""
    return made_from(EmbeddedServer(server).place.url, "empty", "template0")


def test_the_migrations_lead_to_the_declared_schema(server, url, empty):
    engine = open_engine(empty, DatabaseSettings())
    METADATA.create_all(engine)
    engine.dispose()
    assert schema_text(url) == schema_text(empty)
    assert "CREATE TABLE public.event_log" in schema_text(url)


def test_processes_that_start_at_once_migrate_once(empty):
    engines = [open_engine(empty, DatabaseSettings()) for _ in range(4)]
    with ThreadPoolExecutor(len(engines)) as pool:
        before = list(pool.map(migrate, engines))
    head = before[0].head
    assert sorted(str(each.revision) for each in before) == [head, head, head, "None"]
    assert schema_of(engines[0]).current
    for each in engines:
        each.dispose()


def test_a_database_newer_than_the_program_is_refused_untouched(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (migrate, schema_of):
        with pytest.raises(DatabaseNewerError, match="9999"):
            attempt(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_failed_migration_leaves_nothing(empty):
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("CREATE TABLE audit_log (theirs int)")
    engine = open_engine(empty, DatabaseSettings())
    with pytest.raises(Exception, match="audit_log"):
        migrate(engine)
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
    assert tables == ["audit_log"]
    engine.dispose()


def test_databases_this_program_cannot_use_are_refused_by_name(server, engine):
    assert int(check_fit(engine).split(".")[0]) >= 15
    url = EmbeddedServer(server).place.url
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    latin = open_engine(url.replace("@/inventory?", "@/latin?"), DatabaseSettings())
    with pytest.raises(DatabaseUnfitError, match="UTF8"):
        check_fit(latin)
    latin.dispose()
    away = open_engine("postgresql://me:secret@127.0.0.1:1/none", DatabaseSettings())
    with pytest.raises(DatabaseDownError, match="inventory db start") as raised:
        check_fit(away)
    assert "secret" not in str(raised.value)


def test_a_url_is_taken_in_every_usual_form_and_shown_without_its_password():
    for form in ("postgresql", "postgres", "postgresql+psycopg"):
        settings = Settings(database_url=f"{form}://me:secret@db.example/live")
        assert database_url(settings) == "postgresql://me:secret@db.example/live"
    with pytest.raises(DatabaseUnfitError, match="INVENTORY_DATABASE_URL"):
        database_url(Settings(database_url="mysql://db"))
    assert "secret" not in shown_url("postgresql://me:secret@db.example/live")
    assert "secret" not in shown_url("postgresql://db.example/live?user=me&password=secret&port=1")
    assert shown_url("postgresql://me@db.example/live") == "postgresql://me@db.example/live"
