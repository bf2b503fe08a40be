"""What every reader returns: the rows of one file before any cell is cast.

Readers (`text`, `formats`) know bytes and syntax; they do not know types, time zones or lineage, which are `casting`'s
and `bronze`'s. Invariant: `frame`, `lines`, `errors` and `details` have one entry a row, in the order of the file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from inventory_assets.contracts.feeds import Feed

Refusal = Literal["file:refused", "file:unreadable"]
LINE_UNREADABLE = "line:unreadable"


class FileRefusedError(ValueError):
    """A file cannot be taken in as rows.

    Attributes:
        reason: `file:unreadable` where its bytes are broken, `file:refused` where it breaks the feed's contract.
    """

    def __init__(self, reason: Refusal, message: str) -> None:
        """Keep the reason beside the message for people."""
        super().__init__(message)
        self.reason: Refusal = reason


@dataclass(frozen=True)
class RawRows:
    """Rows of one file as they came.

    Attributes:
        frame: one column for each column of the file, feed columns under their declared name, any dtype.
        lines: the source line of each row; None for formats without lines.
        errors: `line:unreadable` where a row could not be parsed, else null; None where all could.
        details: what was wrong with such a row, for people.
        mismatched: feed column → rows whose cell is a list or an object; the frame holds it as JSON text.
        warnings: what a person should know about the file as a whole.
    """

    frame: pl.DataFrame
    lines: pl.Series | None = None
    errors: pl.Series | None = None
    details: pl.Series | None = None
    mismatched: dict[str, pl.Series] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        """Number of rows, unparseable ones included."""
        return self.lines.len() if self.lines is not None else self.frame.height


def match_columns(names: Sequence[str], feed: Feed, *, row_by_row: bool = False) -> list[str]:
    """Column names of a file, those of the feed in its spelling.

    Surrounding blanks and upper case do not matter for the feed's columns; other names are kept, trimmed. A column
    without a name is called by its position. Read row by row, columns that share a name are called by their positions
    too, so that none of them is taken for the feed's.

    Raises:
        FileRefusedError: a name stands twice, so that it is open which column is meant.
    """
    declared = {name.casefold(): name for name in feed.column_names}
    trimmed = [name.strip() or f"column_{position}" for position, name in enumerate(names, start=1)]
    matched = [declared.get(name.casefold(), name) for name in trimmed]
    doubled = sorted(name for name, times in Counter(matched).items() if times > 1)
    if doubled and row_by_row:
        return [f"{name}_{n}" if name in doubled else name for n, name in enumerate(matched, start=1)]
    if doubled:
        raise FileRefusedError(
            "file:refused", f"columns stand twice in the file: {', '.join(doubled)}; name each column once"
        )
    return matched


def check_required(names: Sequence[str], feed: Feed) -> None:
    """Hold a file's columns against the feed.

    Raises:
        FileRefusedError: a required column is missing.
    """
    missing = [name for name in feed.required if name not in names]
    if missing:
        raise FileRefusedError(
            "file:refused",
            f"required columns missing: {', '.join(missing)}; the file has {', '.join(names) or 'none'}; "
            f"send them or drop the file into the folder of its own feed",
        )
