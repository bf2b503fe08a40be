"""From cells as they came to the declared types, without losing or inventing a digit.

A cell becomes its typed value, null (empty, or a null token of the source), or a failed cast: never a rounded or
truncated value. Clean columns are cast by vectorised expressions; only cells those cannot decide are looked at one by
one, each distinct text once. Which zone a naive time is read in is the caller's knowledge; instants are in `instants`.

Invariant: `failed` holds exactly where a cell said something and the typed value is null for want of a cast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.schemas import DTYPES, MONEY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from inventory_assets.contracts.model import Type

MONEY_DIGITS, MONEY_DECIMALS = 18, 4
INT64_LIMIT = 2**63
LONGEST_NUMBER, MOST_DIGITS = 64, 20
"""Longer texts and larger numbers fit no declared type; they are not computed with."""
EXACT_FLOAT_MONEY = 1e11
"""Below it a float with at most four decimals is told from its neighbours by comparing it with its decimal."""
PLAIN_INTEGER = r"^[+-]?[0-9]{1,18}$"
PLAIN_MONEY = r"^[+-]?[0-9]{1,14}(\.[0-9]{1,4})?$"
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
BOOLEANS = {"true": True, "1": True, "yes": True, "y": True, "t": True,
            "false": False, "0": False, "no": False, "n": False, "f": False}  # fmt: skip


@dataclass(frozen=True)
class Cast:
    """A column after its cast.

    Attributes:
        values: typed values, null where there was nothing or the cast failed.
        failed: rows whose cell did not cast; None where there is none.
        nonexistent: rows whose local time was skipped by a clock change; None where there is none.
    """

    values: pl.Series
    failed: pl.Series | None = None
    nonexistent: pl.Series | None = None


def whole_number(text: str) -> int | None:
    """Integer that a decimal text denotes exactly; None where it denotes none that fits 64 bits."""
    number = _decimal(text)
    if number is None or number != number.to_integral_value():
        return None
    value = int(number)
    return value if -INT64_LIMIT <= value < INT64_LIMIT else None


def exact_money(text: str) -> Decimal | None:
    """Amount of a decimal text; None where it needs more than four decimals or fourteen digits before them."""
    number = _decimal(text)
    if number is None:
        return None
    amount = number.quantize(Decimal(1).scaleb(-MONEY_DECIMALS))
    fits = abs(amount) < Decimal(10) ** (MONEY_DIGITS - MONEY_DECIMALS)
    return amount if fits and amount == number else None


def _decimal(text: str) -> Decimal | None:
    """Value of a plain decimal text of bearable size, else None."""
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if number.is_zero() or number.adjusted() < MOST_DIGITS else None


def trim(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts without surrounding blanks, empty ones null; codes of a dictionary as texts; all columns at once."""
    trimmed = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String)).with_columns(
        pl.col(pl.String).str.strip_chars()
    )
    found = trimmed.select((pl.col(pl.String) == "").any())
    empty = [name for name in found.columns if found[name][0]]
    return trimmed.with_columns(pl.when(pl.col(empty) != "").then(pl.col(empty))) if empty else trimmed


def without_tokens(cells: pl.Series, null_tokens: Collection[str]) -> pl.Series:
    """Cells, null where their text is a null token of the source."""
    if not null_tokens or cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Null):
        return cells
    means_null = as_text(cells).is_in(list(null_tokens)).fill_null(value=False)
    return cells.set(means_null, None) if means_null.any() else cells


def cast_column(cells: pl.Series, declared: Type, null_tokens: Collection[str] = ()) -> Cast:
    """Cast one column that is no instant.

    Args:
        cells: the column as `trim` left it, of any dtype.
        declared: type of the contract.
        null_tokens: texts that mean null for this source and column.
    """
    if cells.dtype == pl.Null:
        return Cast(cells.cast(DTYPES[declared]))
    cells = without_tokens(cells, null_tokens)
    return with_failures(cells, _CASTS[declared](cells))


def with_failures(cells: pl.Series, values: pl.Series) -> Cast:
    """A cast whose failures are the cells that became null."""
    if values.null_count() == cells.null_count():
        return Cast(values)
    return Cast(values, values.is_null() & cells.is_not_null())


def as_text(cells: pl.Series) -> pl.Series:
    """Cells as text: whole floats without a fraction (codes that pandas widened), instants in ISO 8601."""
    kind = cells.dtype
    if kind == pl.String:
        return cells
    if kind.is_float():
        return _float_text(cells)
    if kind == pl.Boolean or kind.is_numeric():
        return cells.cast(pl.String)
    if kind.is_temporal():
        return cells.dt.to_string("iso:strict") if kind != pl.Duration else cells.cast(pl.String)
    if kind == pl.Binary:
        return pl.Series(cells.name, [_utf8(cell) for cell in cells.to_list()], dtype=pl.String)
    return pl.Series(cells.name, [None], dtype=pl.String).new_from_index(0, cells.len())


def _utf8(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None


def _float_text(cells: pl.Series) -> pl.Series:
    whole = cells.is_finite() & (cells == cells.floor()) & (cells.abs() < 2**53)
    frame = pl.DataFrame({"cells": cells, "whole": whole})
    return frame.select(
        pl.when("whole")
        .then(pl.col("cells").cast(pl.Int64, strict=False).cast(pl.String))
        .when(pl.col("cells").is_finite())
        .then(pl.col("cells").cast(pl.String))
        .alias(cells.name)
    ).to_series()


def _integers(cells: pl.Series) -> pl.Series:
    kind = cells.dtype
    if kind == pl.Int64:
        return cells
    if kind.is_integer():
        return cells.cast(pl.Int64, strict=False)
    if kind.is_float():
        whole = cells.is_finite() & (cells == cells.floor()) & (cells.abs() < 2.0**63)
        return cells.set(~whole, None).cast(pl.Int64, strict=False)
    if kind == pl.Decimal:
        values = cells.cast(pl.Int64, strict=False)
        return values.set(values.cast(kind) != cells, None)
    if kind == pl.String:
        return _by_pattern(cells, PLAIN_INTEGER, pl.Int64(), whole_number)
    return _nothing(cells, pl.Int64())


def _money(cells: pl.Series) -> pl.Series:
    kind = cells.dtype
    if kind == MONEY:
        return cells
    if isinstance(kind, pl.Decimal):
        values, wide = cells.cast(MONEY, strict=False), pl.Decimal(38, kind.scale)
        return values.set(values.cast(wide, strict=False) != cells.cast(wide), None)
    if kind.is_integer():
        return cells.cast(MONEY, strict=False)
    if kind == pl.Float64:
        return _float_money(cells)
    if kind.is_float() or kind == pl.String:
        return _by_pattern(as_text(cells), PLAIN_MONEY, MONEY, exact_money)
    return _nothing(cells, MONEY)


def _float_money(cells: pl.Series) -> pl.Series:
    """Floats by their shortest decimal text; those with at most four decimals without writing the text."""
    near = cells.abs() < EXACT_FLOAT_MONEY
    values = (cells if near.all() else cells.set(~near, None)).cast(MONEY, strict=False)
    exact = values.cast(pl.Float64) == cells
    open_ = ~exact.fill_null(value=False) & cells.is_not_null()
    if not open_.any():
        return values
    texts = {value: exact_money(repr(value)) for value in cells.filter(open_).unique().to_list()}
    decided = pl.Series([texts.get(value) for value in cells.filter(open_).to_list()], dtype=MONEY)
    return values.scatter(open_.arg_true(), decided)


def _booleans(cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.Boolean:
        return cells
    text = as_text(cells).str.to_lowercase()
    return text.replace_strict(BOOLEANS, default=None, return_dtype=pl.Boolean)


def _by_pattern(
    cells: pl.Series, pattern: str, dtype: pl.DataType, decide: Callable[[str], int | Decimal | None]
) -> pl.Series:
    """Cast the texts of a plain pattern at once, decide each distinct other text by a function."""
    plain = cells.str.contains(pattern)
    if plain.all():
        return cells.cast(dtype, strict=False)
    others = {text: decide(text) for text in cells.filter(~plain).unique().to_list()}
    decided = cells.replace_strict(
        pl.Series(list(others), dtype=pl.String),
        pl.Series(list(others.values()), dtype=dtype),
        default=None,
        return_dtype=dtype,
    )
    values = cells.set(~plain, None).cast(dtype, strict=False)
    return values.zip_with(plain.fill_null(value=True), decided)


def _nothing(cells: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(cells.name, [None], dtype=dtype).new_from_index(0, cells.len())


_CASTS: dict[Type, Callable[[pl.Series], pl.Series]] = {
    "String": as_text,
    "Int64": _integers,
    "Money": _money,
    "Boolean": _booleans,
}
