"""Bronze of the event log, and what came through it: statements of stock, and reservations.

The log's two bronze tables hold every event once, whatever became of it at the door; silver reads those that count.
Not here: which types go where (`ingest.events`), what an event does to stock (`stock.effects`).
"""

from __future__ import annotations

from typing import Literal

from inventory_assets.contracts.model import Reach, Table, count, day, instant, text, units

STATEMENT_KINDS = ("opening", "level", "count")
RESERVATION_KINDS = ("reserved", "committed", "released", "expired")
TOLD_BY_BATCH = "batch:"
"""How the ids of events begin that the lake itself told the log: opening facts and forwarded rows of files. The lake
holds what they say already, so they never come back into silver."""
VOIDED = "event.voided"
"""Type of the facts that name what became of a dead letter: a part of an event that never counts."""

_EVENT = (
    count("epoch", "Stretch of the log between two restores."),
    count("sequence", "Place in the log."),
    text("source_system", "Source of the event."),
    text("event_id", "Its id there; with the source, the identity of the event."),
    text("type", "Type of the event."),
    instant("event_time", "When it happened, as its envelope says."),
    instant("received_at", "When the listener took it."),
    count("priority", "Place in the queue, 1 to 11."),
    text("items", "Items it touches, one a line."),
    text("disposition", "What became of it at the door.", allowed=("accepted", "decided", "filtered", "quarantined")),
    text("envelope", "Further attributes of the envelope, as JSON."),
    text("data", "What it says, as JSON.", data_class="personal"),
    text("effects", "Its effects on stock, as JSON; null for a command.", nullable=True),
    text("business_time_zone", "IANA zone that gave the business day."),
    day("event_date", "Business day of the event's location."),
    instant("ingestion_timestamp", "When it was read from the log.", lineage=True),
    day("processing_date", "UTC day of the reading.", lineage=True),
)


def _bronze(name: Literal["stock_events", "retail_events"], description: str) -> Table:
    return Table(
        "bronze",
        name,
        description,
        "one event of the log",
        ("epoch", "sequence"),
        _EVENT,
        partition_by=("event_date",),
        reach=Reach(rule="appended once, never rewritten"),
    )


STOCK_EVENTS = _bronze(
    "stock_events",
    "Events of the live log whose type moves or states stock, commands and the facts they became included.",
)
RETAIL_EVENTS = _bronze(
    "retail_events", "All other events of the live log: receipts, payments, people, trucks, advertisements, news."
)
LOG_BRONZE = (STOCK_EVENTS, RETAIL_EVENTS)

STOCK_STATEMENTS = Table(
    "silver",
    "stock_statements",
    "What live events state about stock: counts, openings, and levels of other systems. A level counts where the "
    "location's stock authority is wms.",
    "one statement about an item at a location",
    ("kind", "source_system", "location_id", "product_sku", "event_time", "document_id"),
    (
        text("kind", "What states it.", allowed=STATEMENT_KINDS),
        text("product_sku", "Item code."),
        text("location_id", "Location."),
        units("quantity", "Units stated, unavailable ones included; parts of one count are summed."),
        instant("event_time", "The instant it speaks of."),
        text("document_id", "Count sheet or list; the event's id where it names none."),
        text("source_system", "Source of the event."),
        day("event_date", "Business day of the event's location."),
    ),
    partition_by=("event_date",),
    upstream=("bronze/stock_events",),
)

STOCK_RESERVATIONS = Table(
    "silver",
    "stock_reservations",
    "What the facts of the live log change of what is promised: reservations made and ended. Their sum is what is "
    "reserved. Does not exist where no live log was ever read.",
    "one change of a reservation of an item at a location",
    ("source_system", "location_id", "product_sku", "reservation_id", "kind", "event_time"),
    (
        text("kind", "What happened to it.", allowed=RESERVATION_KINDS),
        text("product_sku", "Item code."),
        text("location_id", "Location."),
        units("quantity", "Change of the units reserved: above 0 when made, below when it ended."),
        instant("event_time", "When it happened."),
        text("reservation_id", "The reservation; of one that was sold, the sale it became where that is named."),
        text("source_system", "Source of the event."),
        day("event_date", "Business day of the event's location."),
    ),
    partition_by=("event_date",),
    upstream=("bronze/stock_events",),
)
LOG_SILVER = (STOCK_STATEMENTS, STOCK_RESERVATIONS)
