"""Bronze: every input row as it came, with where it came from. One table a feed."""

from __future__ import annotations

from dataclasses import replace

from inventory_assets.contracts.feeds import FEEDS, Feed
from inventory_assets.contracts.model import Column, Reach, Table, count, day, instant, text

LINEAGE: tuple[Column, ...] = (
    text("source_system", "System that produced the row."),
    text("source_file", "File it came in, relative to the landing folder.", lineage=True),
    text("content_hash", "BLAKE2b-128 of the file's bytes; with the path, the identity of an input.", lineage=True),
    count("row_number", "Position in the file from 1; 0 stands for the file itself.", lineage=True),
    instant("ingestion_timestamp", "When it was read.", lineage=True),
    day("processing_date", "UTC day of the reading.", lineage=True),
    text("business_time_zone", "IANA zone that gave the business day.", nullable=True),
    day("event_date", "Business day of the row's location; null where the row gives none.", nullable=True),
    text(
        "raw_data",
        "The line as it came (text formats), or the whole row as JSON where a cell did not cast.",
        nullable=True,
        lineage=True,
    ),
    text("cast_errors", "Columns whose cell did not cast, comma separated.", nullable=True),
    text("row_error", "Reason known at reading time why the row or file cannot be used.", nullable=True),
    text("row_error_detail", "The same for people: what was wrong, where, what to do.", nullable=True, lineage=True),
    text("extra_columns", "JSON of columns the feed's contract does not know.", nullable=True),
)


def _bronze(feed: Feed) -> Table:
    """Bronze takes what was sent: a value out of range is a typed value here, and quarantine's matter in silver."""
    as_sent = (replace(column, nullable=True, minimum=None, maximum=None, allowed=()) for column in feed.columns)
    return Table(
        "bronze",
        feed.bronze,
        f"{feed.description} Every row of every file of `landing/{feed.name}/`, unparseable ones included.",
        "one row of an input file (or one refused file)",
        ("source_file", "content_hash", "row_number"),
        (*as_sent, *LINEAGE),
        partition_by=("event_date",),
        reach=Reach(rule="appended once, never rewritten"),
    )


BRONZE: dict[str, Table] = {name: _bronze(feed) for name, feed in FEEDS.items()}
"""Bronze table of each feed, by feed name."""
