"""Tagged versions: at which version each table stood at the end of a UTC day.

The last refresh of a day writes the day's tag, so that the versions of a tag belong together. Vacuum keeps the files
of tagged versions. Invariant: a tag names versions that were all there at the same moment, with no writer under way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from inventory_assets.lakehouse.lake import Lake
from inventory_assets.lakehouse.stores import read_whole, replace_whole


class TagsError(RuntimeError):
    """The tags cannot be read, or there is none for a day."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Versions of all tables at one moment.

    Attributes:
        at: the moment, UTC; its day is the tag's name.
        versions: version by path of the table.
    """

    at: datetime
    versions: Mapping[str, int]

    @property
    def day(self) -> date:
        """The UTC day the tag stands for."""
        return self.at.astimezone(UTC).date()


class Tags:
    """The tags of a lake, a small file beside its tables."""

    def __init__(self, lake: Lake) -> None:
        """Keep the place; nothing is read yet."""
        self._options = lake.storage_options
        self.uri = f"{lake.root}/_tags/daily.json"

    def all(self) -> list[Tag]:
        """Every tag, oldest first.

        Raises:
            TagsError: the file is not what was written.
        """
        content = read_whole(self.uri, self._options)
        if content is None:
            return []
        try:
            return [Tag(datetime.fromisoformat(at), versions) for at, versions in json.loads(content)]
        except (ValueError, TypeError) as error:
            raise TagsError(f"{self.uri} cannot be read ({error}); put it back from a backup or remove it") from error

    def newest(self) -> Tag | None:
        """The last tag."""
        tags = self.all()
        return tags[-1] if tags else None

    def on(self, day: date) -> Tag:
        """The tag that says how a UTC day ended: its own, or the last one before it.

        Raises:
            TagsError: no tag is that old.
        """
        found = [tag for tag in self.all() if tag.day <= day]
        if not found:
            kept = ", ".join(str(tag.day) for tag in self.all()) or "none yet"
            raise TagsError(f"no tag tells how {day} ended; tagged days: {kept}")
        return found[-1]

    def put(self, at: datetime, versions: Mapping[str, int], keep_days: int) -> None:
        """Tag the day of a moment, in place of an earlier tag of that day, and let go of tags that are too old.

        The last tag before the days that are kept stays: it says how the first of them began.
        """
        tag = Tag(at, dict(versions))
        others = [other for other in self.all() if other.day != tag.day]
        self.write(with_days([*others, tag], tag.day - timedelta(days=keep_days)))

    def write(self, tags: Sequence[Tag]) -> None:
        """Write all tags in one step, oldest first."""
        text = json.dumps([[tag.at.isoformat(), dict(tag.versions)] for tag in tags], indent=1)
        replace_whole(self.uri, text.encode(), self._options)


def with_days(tags: list[Tag], first: date) -> list[Tag]:
    """Tags that tell how the days from `first` on ended, oldest first."""
    ordered = sorted(tags, key=lambda tag: tag.at)
    before = [tag for tag in ordered if tag.day <= first]
    return [*before[-1:], *(tag for tag in ordered if tag.day > first)]
