"""Small bronze frames, decisions and profiles for tests of silver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from inventory_assets.contracts import silver, tables
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.schemas import check, polars_schema
from inventory_assets.contracts.sources import Profiles, SourceProfile
from inventory_assets.medallion.silver_common import rows_in_balance

if TYPE_CHECKING:
    from collections.abc import Iterable

READ_AT = datetime(2024, 6, 30, tzinfo=UTC)
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
PROFILES = Profiles({
    "shop": SourceProfile(
        time_zone="Europe/London", currency="GBP", merchandise_pattern=r"^\d{5}[A-Z]?$",
        adjustment_rule="price_zero_without_customer", transaction_pattern=r"^C?\d{6}$",
    ),
    "plain": SourceProfile(),
})  # fmt: skip
ITEMS = pl.Series(["85048", "85123A"])


def bronze(feed: str, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Bronze rows of a feed; lineage, zone and business day are filled in as ingest would."""
    declared, schema = FEEDS[feed], polars_schema(BRONZE[feed])
    complete = []
    for number, given in enumerate(rows, 1):
        row = {
            "source_system": "shop", "source_file": "a.csv", "content_hash": "a", "row_number": number,
            "ingestion_timestamp": READ_AT, **given,
        }  # fmt: skip
        moment = next((row[name] for name in declared.time if row.get(name)), None)
        if moment is not None and "event_date" not in given:
            zone = PROFILES[row["source_system"]].zone_of(row.get(declared.location or ""))
            row |= {"business_time_zone": zone, "event_date": moment.astimezone(ZoneInfo(zone)).date()}
        complete.append({name: row.get(name) for name in schema})
    return pl.DataFrame(complete, schema=schema)


def pos_line(**changes: Any) -> dict[str, Any]:
    """A proper sale line with some cells changed."""
    return {
        "transaction_id": "489434", "line_number": 1, "store_id": "UK", "product_sku": "85048", "quantity_sold": 3,
        "unit_price": "2.5000", "timestamp": NOON, "customer_id": "13085", **changes,
    }  # fmt: skip


def money(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with prices given as text turned into decimals."""
    from decimal import Decimal

    names = ("unit_price", "unit_cost")
    return [{k: Decimal(v) if k in names and v is not None else v for k, v in row.items()} for row in rows]


def pos(*rows: dict[str, Any]) -> pl.DataFrame:
    """Bronze POS rows."""
    return bronze("pos", money(rows))


def decisions(*rows: dict[str, Any]) -> pl.DataFrame:
    """Decisions about row 1 of file a.csv unless said otherwise, one a minute."""
    complete = [
        {
            "decision_id": str(number), "feed": "pos", "source_file": "a.csv", "content_hash": "a", "row_number": 1,
            "actor": "anna", "reason": "checked", "decided_at": READ_AT + timedelta(minutes=number), **row,
        }
        for number, row in enumerate(rows, 1)
    ]  # fmt: skip
    schema = polars_schema(silver.DECISIONS)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in complete], schema=schema)


def facts(found: dict[str, pl.DataFrame]) -> dict[str, list[tuple]]:
    """Rows without lineage, sorted, of every table but the day balance."""
    comparable = {}
    for path, frame in found.items():
        if path != silver.DAY_BALANCE.path:
            columns = frame.select(tables.TABLES[path].fact_columns)
            comparable[path] = sorted(columns.rows(), key=repr)
    return comparable


def assert_sound(found: dict[str, pl.DataFrame], *, values: bool = True) -> None:
    """Every frame keeps its contract and its key a day, and every bronze row has one place.

    A key on two days is a matter of the nightly check. `values=False` spares the check of values.
    """
    for path, frame in found.items():
        assert frame.schema == polars_schema(tables.TABLES[path]), path
        assert frame.select({*tables.TABLES[path].key, "event_date"} & {*frame.columns}).is_unique().all(), path
        if values and not frame.is_empty():
            check(frame, tables.TABLES[path])
    assert rows_in_balance(found[silver.DAY_BALANCE.path]).is_empty()


def places(found: dict[str, pl.DataFrame]) -> dict[str, int]:
    """Rows by outcome, all days together."""
    counts = found[silver.DAY_BALANCE.path].group_by("outcome").agg(pl.col("rows").sum())
    return dict(counts.iter_rows())
