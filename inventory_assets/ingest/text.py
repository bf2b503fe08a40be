"""Text files: encodings, delimiters, and CSV rows that keep their source line and their position.

Encoding and delimiter are detected from proof (a byte order mark, valid UTF-8, a header that names the feed's columns)
or the file is refused; nothing is guessed. JSON is in `formats`.

Invariant: a line that is no row of the header's width becomes one unreadable row and moves no other row.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.ingest.raw import LINE_UNREADABLE, FileRefusedError, RawRows, check_required, match_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inventory_assets.contracts.feeds import Feed

DELIMITERS = (",", ";", "\t", "|")
BROKEN_TEXT = "bytes that are no text of the file's encoding; type the cells in"
MAX_LINES_OF_A_RECORD = 1_000
"""Lines a quoted field may span; without a bound one stray quote would make reading quadratic."""


def decode_text(content: bytes) -> str:
    r"""Text of a file with `\n` line ends.

    Raises:
        FileRefusedError: neither UTF-8 nor UTF-16 with a byte order mark, or text with NUL characters.
    """
    encoding = "utf-8"
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise FileRefusedError("file:refused", "the file is UTF-32; write it as UTF-8")
    if content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileRefusedError(
            "file:refused",
            f"not {encoding.upper()} text: byte {error.start} (line {line}) is {content[error.start]:#04x}; "
            "the encoding is not guessed, write the file as UTF-8",
        ) from error
    if "\x00" in text:
        raise FileRefusedError(
            "file:refused", "text with NUL characters, perhaps UTF-16 without a byte order mark; write it as UTF-8"
        )
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def decode_leniently(content: bytes) -> tuple[str, frozenset[str]]:
    r"""Text of a file whatever its bytes, broken ones written as `\xe9`, and those of its lines that hold such."""
    encoding = "utf-8-sig"
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    shown, marked = (
        content.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for errors in ("backslashreplace", "replace")
    )
    lines = [line.replace("\x00", "\\x00") for line in shown]
    return "\n".join(lines), frozenset(line for line, other in zip(lines, marked, strict=True) if line != other)


def split_record(record: str, delimiter: str) -> list[str] | None:
    """Fields of one CSV record, which may hold line breaks in quotes; None where it breaks the format."""
    try:
        records = list(csv.reader(io.StringIO(record, newline="\n"), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


def detect_delimiter(header: str, feed: Feed) -> tuple[str, list[str]]:
    """Delimiter of a CSV file and the names of its columns.

    Args:
        header: first line of the file.
        feed: whose columns the header must name.

    Raises:
        FileRefusedError: no delimiter, or more than one, makes the header name columns of the feed.
    """
    declared = {name.casefold() for name in feed.column_names}
    found: dict[str, list[str]] = {}
    for delimiter in DELIMITERS:
        names = split_record(header, delimiter) or []
        known = sum(name.strip().casefold() in declared for name in names)
        if known >= min(2, len(feed.required)):
            found[delimiter] = names
    if len(found) != 1:
        seen = "none" if not found else " and ".join(repr(delimiter) for delimiter in found)
        raise FileRefusedError(
            "file:refused",
            f"the delimiter is not clear ({seen} of , ; tab | splits the first line into columns of `{feed.name}`); "
            f"the first line must be a header such as {','.join(feed.required)}; it is {header[:200]!r}",
        )
    return next(iter(found.items()))


def read_csv(content: bytes, feed: Feed, *, row_by_row: bool = False) -> RawRows:
    """Rows of a CSV file, all cells as text, empty ones null.

    Read row by row, a file whose header cannot be understood is unreadable lines, its first one included.

    Raises:
        FileRefusedError: encoding or delimiter unknown, a required column missing, or no rows.
    """
    if row_by_row:
        return _read_leniently(content, feed)
    text = decode_text(content).lstrip("\n")
    header, _, body = text.partition("\n")
    if not header.strip():
        raise FileRefusedError("file:refused", "the file is empty: it has no header and no rows")
    delimiter, published = detect_delimiter(header, feed)
    names = match_columns(published, feed)
    check_required(names, feed)
    return _rows(body, delimiter, names)


def _read_leniently(content: bytes, feed: Feed) -> RawRows:
    text, broken = decode_leniently(content)
    header, _, body = text.lstrip("\n").partition("\n")
    try:
        delimiter, published = detect_delimiter(header, feed)
    except FileRefusedError as error:
        lines = pl.Series("line", [line for line in text.split("\n") if line.strip()], dtype=pl.String)
        if lines.is_empty():
            raise
        return RawRows(
            pl.DataFrame(height=lines.len()),
            lines=lines,
            errors=pl.repeat(LINE_UNREADABLE, lines.len(), eager=True),
            details=pl.repeat(str(error), lines.len(), eager=True),
        )
    rows = _rows(body, delimiter, match_columns(published, feed, row_by_row=True))
    if not broken or rows.lines is None:
        return rows
    spoilt = pl.Series([any(line in broken for line in record.split("\n")) for record in rows.lines], dtype=pl.Boolean)
    nothing = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    said = pl.DataFrame({"spoilt": spoilt, "error": rows.errors if rows.errors is not None else nothing,
                         "detail": rows.details if rows.details is not None else nothing})  # fmt: skip
    said = said.select(
        pl.when("spoilt").then(pl.lit(LINE_UNREADABLE)).otherwise("error").alias("error"),
        pl.when("spoilt").then(pl.lit(BROKEN_TEXT)).otherwise("detail").alias("detail"),
    )
    frame = rows.frame.with_columns(pl.when(~spoilt).then(pl.all()))
    return replace(rows, frame=frame, errors=said["error"], details=said["detail"])


def _rows(body: str, delimiter: str, names: Sequence[str]) -> RawRows:
    """Rows below the header.

    Raises:
        FileRefusedError: there are none.
    """
    lines = pl.Series("line", [body], dtype=pl.String).str.split("\n").explode()
    blank = lines.str.strip_chars() == ""
    had_blank_lines = blank[:-1].any()
    lines = lines.filter(~blank)
    if lines.is_empty():
        raise FileRefusedError("file:refused", "the file has a header but no rows; nothing was taken in")
    good = _well_formed(lines, delimiter, len(names))
    if good is None:
        return _read_slowly(body.split("\n"), delimiter, names)
    if good.all():
        source = lines.str.join("\n")[0] if had_blank_lines else body
        return RawRows(_parse(source, delimiter, names), lines=lines)
    cells = _parse(lines.filter(good).str.join("\n")[0] or "", delimiter, names)
    positions = pl.DataFrame({"position": pl.int_range(lines.len(), eager=True).filter(good)})
    frame = (
        pl.DataFrame({"position": pl.int_range(lines.len(), eager=True)})
        .join(pl.concat([positions, cells], how="horizontal"), on="position", how="left", maintain_order="left")
        .select(names)
    )
    return _with_errors(frame, lines, ~good, delimiter, len(names))


def _well_formed(lines: pl.Series, delimiter: str, width: int) -> pl.Series | None:
    """Which lines are records of the right width; None where quotes need a record-by-record look."""
    quoted = lines.str.contains('"', literal=True)
    if not quoted.any():
        return lines.str.count_matches(delimiter, literal=True) == width - 1
    separator = re.escape(delimiter)
    cell = rf'(?:"(?:[^"]|"")*"|[^"{separator}]*)'
    if not lines.filter(quoted).str.contains(rf"^{cell}(?:{separator}{cell})*$").all():
        return None
    bare = lines.str.replace_all(r'"[^"]*"', "")
    return bare.str.count_matches(delimiter, literal=True) == width - 1


def _parse(body: str, delimiter: str, names: Sequence[str]) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String())
    if not body:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(
        body.encode(), has_header=False, schema=schema, separator=delimiter, quote_char='"' if '"' in body else None
    )


def _read_slowly(lines: list[str], delimiter: str, names: Sequence[str]) -> RawRows:
    """Record by record: fields with line breaks, and quotes that never close."""
    records = list(_records(lines, delimiter, len(names)))
    nothing: list[str | None] = [None] * len(names)
    frame = pl.DataFrame(
        [nothing if fields is None else [value or None for value in fields] for _, fields in records],
        schema=dict.fromkeys(names, pl.String()),
        orient="row",
    )
    raw = pl.Series("line", [record for record, _ in records], dtype=pl.String)
    bad = pl.Series([fields is None for _, fields in records], dtype=pl.Boolean)
    return _with_errors(frame, raw, bad, delimiter, len(names))


def _records(lines: list[str], delimiter: str, width: int) -> Iterator[tuple[str, list[str] | None]]:
    """Source text and fields of each record; None for the fields of an unreadable line."""
    start = 0
    while start < len(lines):
        record, end = lines[start], start + 1
        if record.strip():
            fields = _of_width(record, delimiter, width)
            if fields is None and record.count('"') % 2:
                end = _end_of_quote(lines, start)
                fields = _of_width("\n".join(lines[start:end]), delimiter, width)
            if fields is None:
                end = start + 1
            yield "\n".join(lines[start:end]), fields
        start = end


def _of_width(record: str, delimiter: str, width: int) -> list[str] | None:
    fields = split_record(record, delimiter)
    return fields if fields is not None and len(fields) == width else None


def _end_of_quote(lines: list[str], start: int) -> int:
    """Line after the one that closes the quote opened in line `start`."""
    quotes, end = lines[start].count('"'), start + 1
    while quotes % 2 and end < len(lines) and end - start < MAX_LINES_OF_A_RECORD:
        quotes += lines[end].count('"')
        end += 1
    return end


def _with_errors(frame: pl.DataFrame, lines: pl.Series, bad: pl.Series, delimiter: str, width: int) -> RawRows:
    if not bad.any():
        return RawRows(frame, lines=lines)
    fields = lines.str.count_matches(delimiter, literal=True) + 1
    rows = pl.DataFrame({"bad": bad, "fields": fields}).select(
        errors=pl.when("bad").then(pl.lit(LINE_UNREADABLE)),
        details=pl.when("bad").then(
            pl.format(
                "about {} fields separated by {} where the header has {}; mend the line and send it again",
                "fields",
                pl.lit(repr(delimiter)),
                pl.lit(width),
            )
        ),
    )
    return RawRows(frame, lines=lines, errors=rows["errors"], details=rows["details"])
