"""The vocabulary of a declaration: column, table, reach. No data frame library is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["String", "Int64", "Int32", "Int8", "Float64", "Boolean", "Date", "Datetime", "Money"]
"""Column types. `Datetime` is UTC in microseconds, `Money` is Decimal(18, 4)."""

DataClass = Literal["public", "internal", "confidential", "personal"]
Layer = Literal["bronze", "silver", "gold", "analytics", "replenishment"]
Cadence = Literal["event_date", "month", "whole"]
"""How a table is replaced: day by day, month by month, or as a whole."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, meaning and the values it may hold.

    Attributes:
        name: column name, snake case.
        type: see `Type`.
        description: what a value means, in one plain sentence.
        unit: unit of measure ("units", "currency", "days", "seconds", "UTC" ...), empty where there is none.
        nullable: whether null is allowed.
        minimum: smallest allowed value, inclusive.
        maximum: largest allowed value, inclusive.
        allowed: closed set of values, empty for open ones.
        data_class: who may see it.
        lineage: True for columns that say where a row came from and when it was processed; two histories with the
            same facts agree in every column but these.
    """

    name: str
    type: Type
    description: str
    unit: str = ""
    nullable: bool = False
    minimum: int | None = None
    maximum: int | None = None
    allowed: tuple[str, ...] = ()
    data_class: DataClass = "internal"
    lineage: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a change on one day forces other days of this table to be rebuilt.

    Attributes:
        days_back: days before the changed day.
        days_forward: days after the changed day.
        rule: the rule in words; it decides where the two numbers are only a bound.
    """

    days_back: int = 0
    days_forward: int = 0
    rule: str = "the day itself"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: where it lives, what a row is, and how it is kept.

    Attributes:
        layer: medallion layer; also the folder and the Dagster key prefix.
        name: table name.
        description: what the table is for, in plain sentences.
        grain: what one row is.
        key: columns that identify a row; unique over the whole table.
        columns: all columns, in order.
        partition_by: Delta partition columns.
        cadence: how it is replaced.
        reach: see `Reach`.
        upstream: keys ("layer/name") of the tables it is computed from.
        owner: team that answers for it.
    """

    layer: Layer
    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    cadence: Cadence = "event_date"
    reach: Reach = Reach()
    upstream: tuple[str, ...] = ()
    owner: str = "team:inventory-data"

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself.

        Raises:
            ValueError: a key or partition column is not declared, or a name stands twice.
        """
        names = [column.name for column in self.columns]
        if len(names) != len(set(names)):
            doubled = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"{self.path}: columns declared twice: {doubled}")
        missing = [name for name in (*self.key, *self.partition_by) if name not in names]
        if missing:
            raise ValueError(f"{self.path}: key or partition columns not declared: {missing}")

    @property
    def path(self) -> str:
        """Layer and name, as in "silver/returns": the folder below the lake's root and the asset key."""
        return f"{self.layer}/{self.name}"

    @property
    def column_names(self) -> list[str]:
        """Names of all columns, in order."""
        return [column.name for column in self.columns]

    @property
    def fact_columns(self) -> list[str]:
        """Columns that do not depend on when or from which file a row came."""
        return [column.name for column in self.columns if not column.lineage]


def text(
    name: str,
    description: str,
    *,
    nullable: bool = False,
    allowed: tuple[str, ...] = (),
    data_class: DataClass = "internal",
    lineage: bool = False,
) -> Column:
    """A text column."""
    return Column(
        name, "String", description, nullable=nullable, allowed=allowed, data_class=data_class, lineage=lineage
    )


def units(
    name: str, description: str, *, nullable: bool = False, minimum: int | None = None, maximum: int | None = None
) -> Column:
    """A whole number of base units."""
    return Column(name, "Int64", description, unit="units", nullable=nullable, minimum=minimum, maximum=maximum)


def count(
    name: str, description: str, *, nullable: bool = False, lineage: bool = False, maximum: int | None = None
) -> Column:
    """A count: a whole number, never negative."""
    return Column(name, "Int64", description, nullable=nullable, minimum=0, maximum=maximum, lineage=lineage)


def money(
    name: str,
    description: str,
    *,
    nullable: bool = False,
    minimum: int | None = None,
    data_class: DataClass = "internal",
) -> Column:
    """An amount in the row's currency, exact to four decimals."""
    return Column(
        name, "Money", description, unit="currency", nullable=nullable, minimum=minimum, data_class=data_class
    )


def instant(name: str, description: str, *, nullable: bool = False, lineage: bool = False) -> Column:
    """An instant, UTC, microseconds."""
    return Column(name, "Datetime", description, unit="UTC", nullable=nullable, lineage=lineage)


def day(name: str, description: str, *, nullable: bool = False, lineage: bool = False) -> Column:
    """A calendar day."""
    return Column(name, "Date", description, nullable=nullable, lineage=lineage)


def flag(name: str, description: str, *, nullable: bool = False) -> Column:
    """True or false."""
    return Column(name, "Boolean", description, nullable=nullable)


def ratio(
    name: str,
    description: str,
    *,
    unit: str = "",
    nullable: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
) -> Column:
    """A real number: a rate, a mean, a deviation, a score."""
    return Column(name, "Float64", description, unit=unit, nullable=nullable, minimum=minimum, maximum=maximum)
