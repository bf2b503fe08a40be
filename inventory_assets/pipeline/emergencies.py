"""Emergencies of the live log, as bronze holds them, for the proposals of the day."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from inventory_assets.contracts.events.admission import EMERGENCY
from inventory_assets.contracts.events.commands import EmergencyReplenishment
from inventory_assets.contracts.events.envelope import Envelope
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.log_tables import RETAIL_EVENTS
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.replenishment.emergencies import Emergency

LOG = logging.getLogger(__name__)
KEPT_DAYS = 30
"""Days an emergency nobody decided about is proposed."""


def emergencies(lake: Lake, pins: Mapping[str, int], today: date) -> tuple[Emergency, ...]:
    """Emergencies of the last weeks that were taken at the door, one an event, in the order of the log.

    Args:
        lake: the tables.
        pins: their versions.
        today: the day.
    """
    if RETAIL_EVENTS.path not in pins:
        return ()
    rows = (
        lake.scan(RETAIL_EVENTS, pins[RETAIL_EVENTS.path])
        .filter(
            pl.col("event_date") >= today - timedelta(days=KEPT_DAYS),
            pl.col("type") == EMERGENCY,
            pl.col("disposition") == "accepted",
        )
        .select("epoch", "sequence", "source_system", "event_id", "event_time", "received_at", "envelope", "data")
        .collect()
        .sort("epoch", "sequence")
        .unique(["source_system", "event_id"], keep="first", maintain_order=True)
    )
    found = (_emergency(row) for row in rows.to_dicts())
    return tuple(each for each in found if each is not None)


def _emergency(row: Mapping[str, Any]) -> Emergency | None:
    """The emergency of a row; None where the log holds a version this program cannot read."""
    kept = json.loads(row["envelope"])
    envelope = Envelope(
        id=row["event_id"], type=EMERGENCY, source=row["source_system"], time=row["event_time"],
        received_at=row["received_at"], data=json.loads(row["data"], parse_float=Decimal),
        version=kept.get("version", 1), subject=kept.get("subject"), partition_key=kept.get("partition_key"),
    )  # fmt: skip
    said = read_payload(envelope)
    if not isinstance(said, EmergencyReplenishment):
        LOG.warning("emergency %s of %s cannot be read and is not proposed: %s", envelope.id, envelope.source, said)
        return None
    return Emergency(
        envelope.source, envelope.id, envelope.time, said.product_sku, said.location_id, said.quantity,
        said.needed_by, said.reason,
    )  # fmt: skip
