"""`inventory doctor`: everything that commonly goes wrong on a machine, each finding with how to mend it.

Every check is a function from what it needs to findings, so that it can be tried in a test folder. A check that
breaks is a finding, never a traceback.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from getpass import getuser
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from inventory_assets.ingest.landing import local_root
from inventory_assets.operate.findings import Finding, worst_first
from inventory_assets.operate.instance import own_files
from inventory_assets.settings import Settings

LEAST_FREE_BYTES = 2_000_000_000
SUPPORTED = ((3, 11), (3, 14))
ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Tokyo")


def examine(settings: Settings, environment: Mapping[str, str], now: datetime, port: int = 3000) -> list[Finding]:
    """All findings, the worst first.

    Args:
        settings: settings in force.
        environment: the process environment.
        now: the time, UTC.
        port: port of the Dagster UI.
    """
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("Python", lambda: python_version(sys.version_info[:2])),
        ("packages", packages),
        ("data folder", lambda: data_folder(settings.data_dir.resolve())),
        ("folders", lambda: folders(settings)),
        ("time zones", time_zones),
        ("port", lambda: ui_port(port)),
        ("Dagster home", lambda: dagster_home(settings.dagster_home, environment)),
        ("source profiles", lambda: source_profiles(settings)),
        ("object store", lambda: conditional_put(settings.lake, settings.secret_options)),
        ("database", lambda: database(settings)),
        ("live service", lambda: live_service(settings)),
        ("live layer", lambda: live_attention(settings)),
        ("landing and lake", lambda: data_state(settings, now)),
    )
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings.extend(check())
        except Exception as error:
            findings.append(
                Finding("error", f"the check of {name} broke: {type(error).__name__}: {error}", "report it")
            )
    return worst_first(findings)


def python_version(version: tuple[int, int]) -> Iterator[Finding]:
    """Whether the interpreter is one of the supported ones."""
    least, below = SUPPORTED
    name = ".".join(map(str, version))
    if least <= version < below:
        yield Finding("ok", f"Python {name}")
    else:
        yield Finding("error", f"Python {name} is not supported", "make setup PYTHON=/path/to/python3.12")


def packages() -> Iterator[Finding]:
    """Whether every required package is installed in a version this project takes."""
    from packaging.requirements import Requirement

    wrong = []
    for line in metadata.requires("inventory-assets") or []:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found}, wanted {requirement.specifier}")
    if wrong:
        yield Finding(
            "error", f"packages: {'; '.join(wrong)}", "make clean setup, or pip install . in a new environment"
        )
    else:
        yield Finding("ok", "all packages are there in the wanted versions")


def data_folder(folder: Path) -> Iterator[Finding]:
    """Whether the data folder can be written and has room."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield Finding(
            "error", f"{there} cannot be written: {error.strerror}", "mend its rights, or set INVENTORY_DATA_DIR"
        )
        return
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE_BYTES:
        yield Finding(
            "warning",
            f"only {free / 1e9:.1f} GB are free at {there}",
            "free some, or move everything with INVENTORY_DATA_DIR",
        )
    else:
        yield Finding("ok", f"{folder} is writable, {free / 1e9:.0f} GB free")


def folders(settings: Settings) -> Iterator[Finding]:
    """Folders below the data folder this user may not write, and landing files it may not read."""
    data = settings.data_dir.resolve()
    written = [Path(settings.lake), settings.serving, settings.dagster_home, data / "logs"]
    for top in written:
        if "://" in str(top) or not top.exists():
            continue
        for folder in (top, *(path for path in top.rglob("*") if path.is_dir())):
            if not os.access(folder, os.W_OK | os.X_OK):
                yield Finding("error", f"{folder} cannot be written", f"chown -R {getuser()} {top}, or mend its rights")
                break
    landing = local_root(settings.landing)
    if landing is None or not landing.exists():
        return
    locked = [path for path in sorted(landing.rglob("*")) if not os.access(path, os.R_OK)]
    if locked:
        yield Finding(
            "error",
            f"{len(locked)} files or folders of the landing folder cannot be read, first {locked[0]}",
            f"let {getuser()} read them; they are taken in then",
        )


def time_zones(names: tuple[str, ...] = ZONES) -> Iterator[Finding]:
    """Whether IANA time zones can be read; business days depend on them."""
    try:
        for name in names:
            ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        yield Finding("error", f"time zone data is missing: {error}", "pip install tzdata")
    else:
        yield Finding("ok", "time zone data is there")


def ui_port(port: int) -> Iterator[Finding]:
    """Whether the port of the Dagster UI is free."""
    from inventory_assets.operate.processes import is_free

    if is_free(port):
        yield Finding("ok", f"port {port} is free")
    else:
        yield Finding("info", f"port {port} is taken", "the demo takes the next free one; or name one with --port")


def dagster_home(home: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the Dagster instance is the one of this data folder and its file can be read."""
    import yaml

    named = environment.get("DAGSTER_HOME")
    if named and Path(named).resolve() != home:
        yield Finding(
            "warning",
            f"DAGSTER_HOME is {named}, not {home}: Dagster's own commands show another instance than the demo",
            f"export DAGSTER_HOME={home}",
        )
    file = home / "dagster.yaml"
    if not file.exists():
        yield Finding("info", f"no Dagster instance at {home} yet", "inventory demo makes it")
        return
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except yaml.YAMLError as error:
        yield Finding("error", f"{file} is not YAML: {error}", f"mend it, or remove it and run inventory demo: {file}")
        return
    limits = (((content or {}).get("concurrency") or {}).get("pools") or {}).get("default_limit")
    if limits != 1:
        yield Finding(
            "error",
            f"{file}: concurrency.pools.default_limit is {limits}, so two runs may write one table",
            "set it to 1",
        )
    else:
        yield Finding("ok", f"Dagster instance at {home}")
    for name in own_files(home):
        yield Finding(
            "info",
            f"{home / name} is not this version's: edited, or copied by an older one; it stays as it is",
            "where nobody edited it, remove it: inventory demo copies the newer one",
        )


def source_profiles(settings: Settings) -> Iterator[Finding]:
    """Whether the file of source profiles can be used."""
    from inventory_assets.pipeline.open import open_profiles

    try:
        open_profiles(settings)
    except ValueError as error:
        yield Finding("error", f"{settings.sources_file} is not usable: {error}", "mend it; docs/configuration.md")
    else:
        yield Finding("ok", "source profiles are usable")


def conditional_put(lake: str, options: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the store refuses a second commit of the same version, on which every Delta table depends.

    A store that ignores conditional puts loses commits silently. Two appends are made from the same version of a
    scratch table: the second must become version 2, with both rows there.
    """
    if "://" not in lake or lake.startswith("file://"):
        yield Finding("ok", f"the lake is a local folder: {lake}")
        return
    import polars as pl
    from deltalake import DeltaTable, write_deltalake

    uri = f"{lake.rstrip('/')}/_probe/{uuid.uuid4().hex}"
    write_deltalake(uri, pl.DataFrame({"writer": [-1]}), storage_options=dict(options))
    handles = [DeltaTable(uri, storage_options=dict(options)) for _ in range(2)]
    for number, handle in enumerate(handles):  # each still believes that the next version is 1
        write_deltalake(handle, pl.DataFrame({"writer": [number]}), mode="append")
    table = DeltaTable(uri, storage_options=dict(options))
    kept = pl.scan_delta(table).collect().height
    if kept == len(handles) + 1 and table.version() == len(handles):
        yield Finding("ok", f"{lake} honours conditional puts")
    else:
        yield Finding(
            "error",
            f"{lake} lost {len(handles) + 1 - kept} of {len(handles)} commits made from the same version",
            "use a store that honours If-None-Match; its option: INVENTORY_STORAGE_OPTIONS__AWS_CONDITIONAL_PUT=etag",
        )


def database(settings: Settings) -> Iterator[Finding]:
    """Whether the database of the live layer can be used, where there is one; batch work needs none."""
    if settings.database_url is None and not settings.database_folder.exists():
        return
    from inventory_assets.live.database.problems import DatabaseDownError, DatabaseError
    from inventory_assets.live.database.ready import ask, is_embedded

    try:
        answer = ask(settings)
    except DatabaseDownError as error:
        yield Finding("info" if is_embedded(settings) else "error", str(error), "docs/database.md")
    except DatabaseError as error:
        yield Finding("error", str(error), "docs/database.md")
    else:
        if answer.schema.current:
            yield Finding("ok", f"the database answers: PostgreSQL {answer.version}, schema {answer.schema.revision}")
        else:
            yield Finding(
                "warning",
                f"the schema of the database is {answer.schema.revision or 'empty'}, wanted {answer.schema.head}",
                "inventory db start brings it up to date",
            )


def live_service(settings: Settings) -> Iterator[Finding]:
    """Whether the live service answers and takes events, where there is a database for it."""
    if settings.database_url is None and not settings.database_folder.exists():
        return
    from http.client import HTTPConnection

    host, port = settings.listener.host, settings.listener.port
    connection = HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(2_000)
    except OSError as error:
        yield Finding("info", f"no live service answers at {host}:{port}: {error}", "inventory live all")
        return
    finally:
        connection.close()
    try:
        told = json.loads(said)
        detail = told.get("detail", "")
    except (ValueError, AttributeError):
        yield Finding("warning", f"something else answers at {host}:{port}", "set INVENTORY_LISTENER__PORT")
        return
    if answer.status == HTTPStatus.OK:
        yield Finding("ok", f"the live service at {host}:{port} takes events; {told.get('waiting')} parts wait")
    else:
        yield Finding("error", f"the live service at {host}:{port} takes no events: {detail}", "docs/api.md")


def live_attention(settings: Settings) -> Iterator[Finding]:
    """What people should know of the live layer: what rests, and what failed for good; nothing where it is down."""
    if not settings.has_live_database:
        return
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.views.figures import attention
    from inventory_assets.operate.live_log import live_engine

    try:
        with live_engine(settings) as engine, engine.connect() as connection:
            found = attention(connection)
    except DatabaseError:
        return  # the check of the database says so
    if found.batch_only:
        named = ", ".join(f"{scope} {key}".strip() for scope, key in found.batch_only[:5])
        more = " …" if len(found.batch_only) > 5 else ""  # noqa: PLR2004 - as many as are named
        yield Finding("warning", f"only the batch side works on: {named}{more}", "inventory live on")
    if found.dead_letters:
        yield Finding(
            "warning", f"{found.dead_letters:,} parts of events failed for good", "inventory live deadletters list"
        )


def data_state(settings: Settings, now: datetime) -> Iterator[Finding]:
    """What waits, what is not recognised, and when the file for analysts was published last."""
    from inventory_assets.operate.findings import open_points
    from inventory_assets.operate.progress import progress
    from inventory_assets.publish.publication import last_publication

    yield from open_points(progress(settings))
    published = last_publication(settings.serving)
    if published is None:
        yield Finding("info", f"nothing is published in {settings.serving} yet", "inventory demo")
    else:
        minutes = (now - published.published_at).total_seconds() / 60
        yield Finding("ok", f"the last publication, {published.publish_id}, is {minutes:.0f} minutes old")
