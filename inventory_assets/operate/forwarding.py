"""What the lake tells the live log: rows of files as facts, and the opening of the live layer from the position.

Every fact has an id derived from what it says, so telling it again changes nothing, and that id begins with
`TOLD_BY_BATCH`, so it never comes back into silver. Not here: which rows are told (`pipeline.forwarding`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id, subject_of
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.events.problems import Problem
from inventory_assets.contracts.events.reading import Event
from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.log_tables import TOLD_BY_BATCH
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import taken_in
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.pipeline.forwarding import is_open, known_at, note_forwarded, untold
from inventory_assets.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy import Engine

GROUP = 1_000
"""Facts of a transaction."""
_TYPES = {"count": "stock.counted", "opening": "stock.opened", "level": "stock.asserted"}
_INSTANT = timedelta(microseconds=1)


class OpeningError(RuntimeError):
    """The live layer cannot be opened; nothing was told."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of facts handed to the log.

    Attributes:
        accepted: facts it took.
        known: facts it had taken before.
        refused: facts it did not take, the first few in words.
        refusals: number of them.
        gone: rows told earlier that silver does not hold any more as they were.
    """

    accepted: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()
    refusals: int = 0
    gone: int = 0

    @property
    def warnings(self) -> list[str]:
        """What a person should know."""
        said = []
        if self.refusals:
            said.append(f"{self.refusals} facts of files were not taken by the live log: {'; '.join(self.refused)}")
        if self.gone:
            said.append(
                f"{self.gone} rows of files were corrected or taken back after the live log was told of them; its "
                "stock still holds them"
            )
        return said


def forward_files(workspace: Workspace, engine: Engine) -> Told:
    """Tell the log what came by file since the last time; nothing where the live layer was not opened.

    Args:
        workspace: stores, profiles, clock.
        engine: the live database.
    """
    found = untold(workspace)
    if found is None:
        return Told()
    now = workspace.now()
    facts = (
        *(_moved(row, now) for row in found.movements.iter_rows(named=True)),
        *(_stated(row, now) for row in found.counts.iter_rows(named=True)),
    )
    told = _tell(engine, facts, found.gone)
    note_forwarded(workspace.lake, found.versions)
    return told


def open_live(workspace: Workspace, engine: Engine, version: int | None = None, *, again: bool = False) -> Told:
    """Turn the position of every known pair into opening facts; from then on rows of files are forwarded.

    A pair opens at the instant of its last movement or count, so that whatever happened later comes on top.

    Args:
        workspace: stores, profiles, clock.
        engine: the live database.
        version: version of `gold/inventory_position`, None for the newest.
        again: open although it was opened before; openings then state the stock anew.

    Raises:
        OpeningError: there is no position, or it was opened before.
    """
    lake = workspace.lake
    if is_open(lake) and not again:
        raise OpeningError("the live layer was opened before; --again states all stock anew from the position")
    handle = lake.open(INVENTORY_POSITION, version)
    if handle is None:
        raise OpeningError("there is no inventory_position yet; run the refresh first")
    at = handle.version()
    taken = {path: taken_in(handle, path) for path in TABLES}
    rows = lake.scan(INVENTORY_POSITION, at).filter(pl.col("book").is_not_null()).collect()
    now = workspace.now()
    told = _tell(engine, (fact for row in rows.iter_rows(named=True) for fact in _opened(row, at, now)), 0)
    versions = known_at(lake, {path: known for path, known in taken.items() if known is not None})
    note_forwarded(lake, versions)
    return told


def _tell(engine: Engine, facts: Iterable[Event | Problem], gone: int) -> Told:
    became: Counter[str] = Counter()
    refused: list[str] = []
    rest = iter(facts)
    while group := list(islice(rest, GROUP)):
        refused += [f"{each.event_id}: {each.detail}" for each in group if isinstance(each, Problem)]
        entries = [entry_of(each) for each in group if not isinstance(each, Problem)]
        for entry, outcome in zip(entries, append(engine, entries), strict=True):
            became[outcome.status] += 1
            if outcome.status in ("refused", "conflict"):
                words = outcome.reason or "it was told before with another content"
                refused.append(f"{entry.event_id}: {words}")
    return Told(became["accepted"], became["duplicate"], tuple(refused[:3]), len(refused), gone)


def _moved(row: Mapping[str, Any], now: datetime) -> Event | Problem:
    parts = ("kind", "location_id", "document_id", "line_number", "product_sku", "event_time", "location_zone")
    data = {name: row[name] for name in ("product_sku", "location_id", "kind", "quantity", "unavailable")}
    data |= {"document_id": row["document_id"] or f"at {row['event_time']:%Y-%m-%dT%H:%M:%S.%fZ}"}
    told = {**row, "event_time": row["told_time"]}
    return _fact("stock.moved", told, {**data, "line_number": row["line_number"]}, [row[part] for part in parts], now)


def _stated(row: Mapping[str, Any], now: datetime) -> Event | Problem:
    document = row["document_id"] or f"at {row['event_time']:%Y-%m-%dT%H:%M:%S.%fZ}"
    data = {"location_id": row["location_id"], "lines": [_line(row["product_sku"], row["quantity"])]}
    parts = [row[part] for part in ("kind", "location_id", "product_sku", "event_time", "document_id", "quantity")]
    return _fact(_TYPES[row["kind"]], row, {**data, "document_id": document}, parts, now)


def _opened(row: Mapping[str, Any], version: int, now: datetime) -> Iterator[Event | Problem]:
    """A pair's opening, and beside it what an opening cannot say: a shortfall and the unavailable part."""
    last = max(instant for instant in (row["last_movement_at"], row["last_count_at"]) if instant is not None)
    item, location, document = row["product_sku"], row["location_id"], f"position@{version}"
    pair = {"product_sku": item, "location_id": location}
    stated = {**pair, "source_system": SERVICE_SOURCE, "event_time": last}
    lines = {"location_id": location, "lines": [_line(item, max(0, row["book"]))], "document_id": document}
    yield _fact("stock.opened", stated, lines, [version, item, location], now)
    if row["book"] < 0:
        missing = {**pair, "kind": "adjustment", "quantity": row["book"], "document_id": document}
        after = {**stated, "event_time": last + _INSTANT}
        yield _fact("stock.moved", after, missing, [version, item, location, "shortfall"], now)
    if row["unavailable"]:
        held = {**pair, "quantity": row["unavailable"], "reason": document}
        yield _fact("stock.held", stated, held, [version, item, location, "unavailable"], now)


def _fact(
    type_: str, row: Mapping[str, Any], data: dict[str, Any], parts: Sequence[object], now: datetime
) -> Event | Problem:
    source = row["source_system"]
    envelope = Envelope(
        id=TOLD_BY_BATCH + derived_id((source, type_), "\n".join(str(part) for part in parts)),
        type=type_,
        source=source,
        time=row["event_time"],
        received_at=now,
        data=data,
        subject=subject_of(row["product_sku"], row["location_id"]),
    )
    payload = read_payload(envelope)
    return payload if isinstance(payload, Problem) else Event(envelope, payload)


def _line(item: str, quantity: int) -> dict[str, Any]:
    return {"product_sku": item, "quantity": quantity}
