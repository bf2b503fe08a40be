"""What the published DuckDB file says about itself, for progress, status and health."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inventory_assets.publish.layout import NothingPublishedError


@dataclass(frozen=True, slots=True)
class Published:
    """The newest publication.

    Attributes:
        publish_id: its id.
        published_at: when it was built, UTC.
        versions: lake version of each published Delta table, by its path.
    """

    publish_id: str
    published_at: datetime
    versions: Mapping[str, int | None]


def newest_publication(serving: Path) -> Published | None:
    """What the published file says, None before the first publication.

    Args:
        serving: folder of the published files.
    """
    from inventory_assets.publish.sql import connect

    try:
        connection = connect(serving)
    except NothingPublishedError:
        return None
    with closing(connection):
        rows = connection.sql(
            "SELECT lake_table, lake_version, publish_id, epoch_us(published_at) FROM data_as_of"
        ).fetchall()
    since = datetime(1970, 1, 1, tzinfo=UTC)
    return Published(
        publish_id=str(rows[0][2]),
        published_at=since + timedelta(microseconds=int(rows[0][3])),
        versions={str(table): version for table, version, *_ in rows},
    )
