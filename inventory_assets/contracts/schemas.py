"""Polars, Delta and pandera schemas of a declared table, and the check every frame passes before it is written.

A frame's dtypes must equal the declaration exactly: delta-rs casts what it is given (1.5 becomes 1 in an integer
column), so a cast there is silent loss. Values (nullability, ranges, closed sets) are checked by a pandera model built
from the same declaration; frames are collected first, because pandera skips value checks of a LazyFrame by default.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from inventory_assets.contracts.model import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deltalake import Schema as DeltaSchema
    from pandera.polars import Check, DataFrameSchema

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

MONEY = pl.Decimal(18, 4)
INSTANT = pl.Datetime("us", "UTC")

DTYPES: dict[str, pl.DataType] = {
    "String": pl.String(),
    "Int64": pl.Int64(),
    "Int32": pl.Int32(),
    "Int8": pl.Int8(),
    "Float64": pl.Float64(),
    "Boolean": pl.Boolean(),
    "Date": pl.Date(),
    "Datetime": INSTANT,
    "Money": MONEY,
}
"""Polars dtype of each declared type."""


class ContractError(ValueError):
    """A frame does not keep the contract of its table; nothing was written."""


def polars_schema(table: Table) -> pl.Schema:
    """Polars schema of a table, columns in declared order."""
    return pl.Schema({column.name: DTYPES[column.type] for column in table.columns})


DELTA_TYPES: dict[str, str] = {
    "String": "string",
    "Int64": "long",
    "Int32": "integer",
    "Int8": "byte",
    "Float64": "double",
    "Boolean": "boolean",
    "Date": "date",
    "Datetime": "timestamp",
    "Money": "decimal(18,4)",
}
"""Delta type of each declared type."""


def delta_schema(table: Table) -> DeltaSchema:
    """Delta schema of a table, with nullability and descriptions."""
    from deltalake import Field, Schema
    from deltalake.schema import PrimitiveType

    return Schema(
        [
            Field(
                column.name,
                PrimitiveType(DELTA_TYPES[column.type]),
                nullable=column.nullable,
                metadata={"comment": column.description},
            )
            for column in table.columns
        ]
    )


def empty(table: Table) -> pl.DataFrame:
    """A frame of the table without rows."""
    return pl.DataFrame(schema=polars_schema(table))


def conform(frame: Frame, table: Table) -> Frame:
    """Select the declared columns in order; dtypes are left alone so that `check` can refuse wrong ones.

    Raises:
        ContractError: a declared column is missing.
    """
    given = frame.collect_schema().names()
    missing = [name for name in table.column_names if name not in given]
    if missing:
        raise ContractError(f"{table.path}: columns missing: {missing}")
    return frame.select(table.column_names)


@cache
def pandera_schema(table: Table) -> DataFrameSchema:
    """Pandera schema of a table: strict, no coercion, with every declared value rule."""
    return _pandera(table, table.columns)


@cache
def _ruled_schema(table: Table) -> DataFrameSchema | None:
    """Pandera schema of those columns whose values are limited, None where no column's are."""
    ruled = tuple(replace(column, nullable=True) for column in table.columns if _ruled(column))
    return _pandera(table, ruled) if ruled else None


def _ruled(column: Column) -> bool:
    return column.minimum is not None or column.maximum is not None or bool(column.allowed)


@cache
def judged_columns(table: Table) -> list[str]:
    """Columns whose cells a contract limits: no null, a range, a set of values."""
    return [column.name for column in table.columns if _ruled(column) or not column.nullable]


def _rules(column: Column) -> list[tuple[Check, pl.Expr]]:
    """Each value rule of a column: as a check of its cells, and as what is true of a cell that keeps it."""
    import pandera.polars as pa

    cell, rules = pl.col(column.name), []
    if column.minimum is not None:
        rules.append((pa.Check.ge(column.minimum), cell.ge(column.minimum)))
    if column.maximum is not None:
        rules.append((pa.Check.le(column.maximum), cell.le(column.maximum)))
    if column.allowed:
        rules.append((pa.Check.isin(list(column.allowed)), cell.is_in(list(column.allowed))))
    return rules


@cache
def _gate_schema(table: Table) -> DataFrameSchema:
    """All value rules of a table that has some, as a single check.

    Pandera takes 3 ms for each rule of each column, however few the rows; almost every frame keeps them all.
    """
    import pandera.polars as pa

    kept = [kept.fill_null(value=True) for column in table.columns for _, kept in _rules(column)]
    every = pl.all_horizontal(kept).all()
    return pa.DataFrameSchema(
        checks=pa.Check(lambda data: data.lazyframe.select(every.alias("kept")), name="all rules"), name=table.path
    )


def _pandera(table: Table, declared: Iterable[Column]) -> DataFrameSchema:
    import pandera.polars as pa

    columns = {}
    for column in declared:
        columns[column.name] = pa.Column(
            DTYPES[column.type],
            [check for check, _ in _rules(column)],
            nullable=column.nullable,
            description=column.description,
            title=column.unit,
            metadata={"data_class": column.data_class},
        )
    return pa.DataFrameSchema(
        columns, strict=True, ordered=True, coerce=False, name=table.path, description=table.description
    )


def check(frame: pl.DataFrame | pl.LazyFrame, table: Table) -> pl.DataFrame:
    """Hold a frame against its table's contract.

    Args:
        frame: rows about to be written; a LazyFrame is collected, so that values are checked too.
        table: the declaration.

    Returns:
        The frame, collected, unchanged.

    Raises:
        ContractError: wrong columns, dtypes, nulls, ranges or values, with the first failures in the message.
    """
    rows = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    check_types(rows.schema, table)
    check_values(rows, table)
    return rows


def check_types(schema: pl.Schema, table: Table) -> None:
    """Hold columns, their order and their dtypes against a contract.

    Raises:
        ContractError: they differ.
    """
    expected = polars_schema(table)
    if schema != expected:
        wrong = {
            name: f"{schema.get(name)} instead of {expected.get(name)}"
            for name in {*schema, *expected}
            if schema.get(name) != expected.get(name)
        }
        raise ContractError(f"{table.path}: columns or types differ from the contract: {wrong or 'order of columns'}")


def check_values(rows: pl.DataFrame, table: Table) -> None:
    """Hold the cells of `judged_columns` against a contract; their dtypes are right already.

    Nulls are counted first, which costs nothing; then one check says whether all rules are kept. Only where one is not
    each rule is looked at by itself, to name the cells.

    Raises:
        ContractError: nulls, ranges or values, with the first failures in the message.
    """
    if rows.is_empty():
        return
    from pandera.errors import SchemaError, SchemaErrors

    nulls = [column for column in table.columns if not column.nullable and rows[column.name].null_count()]
    if nulls:
        found = ", ".join(f"{rows[column.name].null_count()} in {column.name}" for column in nulls)
        raise ContractError(f"{table.path}: values break the contract: nulls where none may be: {found}")
    ruled = _ruled_schema(table)
    if ruled is None:
        return
    judged = rows.select(list(ruled.columns))
    try:
        _gate_schema(table).validate(judged)
    except (SchemaError, SchemaErrors) as refused:
        try:
            ruled.validate(judged, lazy=True)
        except (SchemaError, SchemaErrors) as error:
            cases = error.failure_cases
            detail = cases.head(5).to_dicts() if isinstance(cases, pl.DataFrame) else str(cases)
            raise ContractError(f"{table.path}: values break the contract: {detail}") from error
        raise ContractError(f"{table.path}: values break the contract: {refused}") from refused


def duplicated_keys(frame: pl.DataFrame, table: Table, within: Sequence[str] = ()) -> pl.DataFrame:
    """Key values that stand more than once, in each part `within` names, with their number; no rows where none do."""
    key = list(dict.fromkeys([*table.key, *within]))
    return frame.group_by(key).len("rows").filter(pl.col("rows") > 1).sort(key)
