"""What each reason for quarantine means and what a person does about it: for the command and for docs/quarantine.md.

The codes and their precedence are declared in `contracts.silver`; which rows a code meets is decided in `medallion`.
Run as a module it rewrites the table of the page. Invariant: every declared code is explained here, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inventory_assets.contracts.silver import REASONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quarantine.md"
BEGIN, END = "<!-- reasons: written by make docs -->\n", "<!-- end of reasons -->\n"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for quarantine, for people.

    Attributes:
        meaning: what is wrong.
        mend: what to do.
        waivable: whether `release` helps: the row is taken as it is.
    """

    meaning: str
    mend: str
    waivable: bool = False


EXPLAINED: dict[str, Reason] = {
    "discarded": Reason(
        "A person took the row out for good.", "Nothing. `release` takes the discard back.", waivable=True
    ),
    "file:unreadable": Reason(
        "The bytes are no file of their kind, or reading it failed again and again.",
        "Ask for the file under a new name and `discard` this one. `release` reads the rows before the place where an "
        "Avro file or a JSON array breaks off; of a broken Parquet file nothing can be read.",
        waivable=True,
    ),
    "file:refused": Reason(
        "The file as a whole breaks the feed's contract: a required column is missing or stands twice, the encoding "
        "or the delimiter is not clear, more than half of the rows do not cast.",
        "Correct it at the source, send it under a new name, `discard` this one. Or `release` it: its rows are read "
        "one by one, each bad one is quarantined by itself.",
        waivable=True,
    ),
    "line:unreadable": Reason(
        "The line is no row of its file: wrong number of fields, broken JSON, bytes that are no text.",
        "`show` prints the line; type its cells in with `fix`, all that the feed requires, or `discard` it.",
    ),
    "key:null": Reason(
        "A part of the key is missing, so the row is no fact that could be told from others.",
        "`fix` the named column, or `discard`.",
    ),
    "type": Reason(
        "A cell is no value of its column's type; stands as `type:<column>`.",
        "`fix` the column. If the text means that there is nothing, declare it in `null_tokens` of the source in "
        "`sources.toml`, for files to come.",
    ),
    "time:nonexistent": Reason(
        "A local time that the zone's clocks skipped in spring.", "`fix` the time with its offset from UTC."
    ),
    "time:missing": Reason("The row has no time, so it belongs to no day.", "`fix` the time."),
    "event_time_ahead": Reason(
        "The time lies more than five minutes after the row was read: a clock is wrong.",
        "Set the clock right at the source. `fix` the time, or `release` the row if it is right.",
        waivable=True,
    ),
    "date_out_of_range": Reason(
        "The business day lies before the source's `earliest_date`.",
        "`release` the row if the day is right, else `fix` it. Set `earliest_date` in `sources.toml` where older data "
        "is to come.",
        waivable=True,
    ),
    "quantity:zero": Reason("Nothing was moved.", "`fix` the quantity, or `discard`."),
    "quantity:null": Reason("The quantity is missing.", "`fix` the quantity."),
    "quantity:negative": Reason(
        "A quantity below zero where none can be: a receipt, a count, an order.", "`fix` the quantity or the kind."
    ),
    "price:null": Reason("The price is missing.", "`fix` the price; 0 means that the goods were given away."),
    "price:negative": Reason("A price below zero.", "`fix` the price; a return has a negative quantity instead."),
    "value:out_of_range": Reason("A number outside its column's range.", "`fix` it, or `discard`."),
    "value:not_allowed": Reason(
        "A value its column does not know, or a required one that is missing.", "`fix` it; see the data dictionary."
    ),
    "unclassified": Reason(
        "A line of the till that is neither sale, return, gift nor correction, such as goods back at price 0.",
        "`fix` price or quantity, or `discard`. Declare the source's `adjustment_rule` if its till books so.",
    ),
    "conflict": Reason(
        "Another row of the same key and day says something else and won: the lowest version, then the earliest.",
        "`release` makes this row win; `discard` it if the other one is right.",
        waivable=True,
    ),
    "duplicate_key_other_date": Reason(
        "The nightly key check found the key on an earlier day already.",
        "If this row is another fact, `fix` its key. If the earlier one is wrong, `discard` that; the next check "
        "brings this one back.",
    ),
}  # fmt: skip
"""Every reason by its code, in order of precedence."""


def explained(code: str) -> Reason:
    """The explanation of a code as it stands in quarantine (`type:quantity_sold` is a `type`)."""
    return EXPLAINED["type" if code.startswith("type:") else code]


def table() -> str:
    """All reasons as a Markdown table."""
    rows = ["| reason | what is wrong | what to do |", "|---|---|---|"]
    rows += [f"| `{code}` | {EXPLAINED[code].meaning} | {EXPLAINED[code].mend} |" for code in REASONS]
    return "\n".join(rows) + "\n"


def page(text: str) -> str:
    """Text of the page with the table as it is now."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
