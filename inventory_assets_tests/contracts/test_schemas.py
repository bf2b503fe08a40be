from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from inventory_assets.contracts.model import Column, Table, count, money, ratio, text, units
from inventory_assets.contracts.schemas import (
    DTYPES,
    ContractError,
    check,
    conform,
    delta_schema,
    duplicated_keys,
    empty,
    pandera_schema,
    polars_schema,
)
from inventory_assets.contracts.tables import TABLES

EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
DELTA = {
    "String": "string", "Int64": "long", "Int32": "integer", "Int8": "byte", "Float64": "double",
    "Boolean": "boolean", "Date": "date", "Datetime": "timestamp", "Money": "decimal(18,4)",
}  # fmt: skip

SMALL = Table(
    "gold", "small", "For tests.", "a thing", ("thing",),
    (
        text("thing", "Which."),
        units("quantity", "How many.", minimum=0, maximum=10),
        money("amount", "How much.", nullable=True),
        text("colour", "Shade.", allowed=("red", "green"), nullable=True),
    ),
)  # fmt: skip


def small(**values) -> pl.DataFrame:
    row = {"thing": "a", "quantity": 1, "amount": Decimal("1.5"), "colour": "red", **values}
    return pl.DataFrame([row], schema=polars_schema(SMALL))


@EVERY_TABLE
def test_delta_holds_the_declared_types_nullability_and_partitions(table, tmp_path):
    DeltaTable.create(str(tmp_path), delta_schema(table), partition_by=list(table.partition_by) or None)
    write_deltalake(str(tmp_path), empty(table), mode="append")
    stored = DeltaTable(str(tmp_path))
    found = [(field.name, str(field.type.type), field.nullable) for field in stored.schema().fields]
    assert found == [(column.name, DELTA[column.type], column.nullable) for column in table.columns]
    assert stored.metadata().partition_columns == list(table.partition_by)
    assert pl.read_delta(str(tmp_path)).schema == polars_schema(table)


@EVERY_TABLE
def test_pandera_and_polars_say_the_same_as_the_declaration(table):
    schema = pandera_schema(table)
    assert list(schema.columns) == list(polars_schema(table)) == table.column_names
    for column in table.columns:
        held = schema.columns[column.name]
        assert held.dtype.type == polars_schema(table)[column.name] == DTYPES[column.type]
        assert held.nullable == column.nullable
        assert held.description == column.description
        assert held.metadata == {"data_class": column.data_class}
    assert check(empty(table), table).is_empty()


def plain(column: Column):
    """A value the declaration of a column allows."""
    if column.allowed:
        return column.allowed[0]
    number = column.minimum if column.minimum is not None else 0
    return {
        "String": "x", "Int64": number, "Int32": number, "Int8": number, "Float64": float(number), "Boolean": True,
        "Date": date(2026, 1, 1), "Datetime": datetime(2026, 1, 1, tzinfo=UTC), "Money": Decimal(number),
    }[column.type]  # fmt: skip


@EVERY_TABLE
def test_every_declared_rule_is_enforced_in_a_lazy_frame(table):
    row = {column.name: plain(column) for column in table.columns}
    schema = polars_schema(table)
    assert check(pl.DataFrame([row], schema=schema).lazy(), table).height == 1
    for column in table.columns:
        bad = [] if column.nullable else [None]
        bad += [column.minimum - 1] if column.minimum is not None else []
        bad += [column.maximum + 1] if column.maximum is not None else []
        bad += ["something else"] if column.allowed else []
        for value in bad:
            rows = pl.DataFrame([{**row, column.name: value}], schema=schema, strict=False).lazy()
            with pytest.raises(ContractError, match=table.path):
                check(rows, table)


def test_a_bad_value_in_a_lazy_frame_is_named():
    with pytest.raises(ContractError, match=r"gold/small.*quantity") as raised:
        check(small(quantity=11).lazy(), SMALL)
    assert "11" in str(raised.value)


CELLS = st.fixed_dictionaries(
    {
        "quantity": st.integers(-1, 11),
        "amount": st.none() | st.decimals(-1, 1, places=4),
        "colour": st.sampled_from([None, "red", "green", "blue", ""]),
        "share": st.none() | st.floats(-0.5, 1.5) | st.just(math.nan),
    }
)
WITH_SHARE = replace(SMALL, columns=(*SMALL.columns, ratio("share", "A part.", nullable=True, minimum=0, maximum=1)))


@settings(deadline=None, max_examples=50)
@given(st.lists(CELLS, min_size=1, max_size=3))
@example([{"quantity": 1, "amount": None, "colour": None, "share": math.nan}])
@example([{"quantity": 10, "amount": None, "colour": None, "share": None}])
def test_one_look_at_all_rules_refuses_what_pandera_refuses_looking_at_each(rows):
    frame = pl.DataFrame([{"thing": "a", **row} for row in rows], schema=polars_schema(WITH_SHARE))
    try:
        pandera_schema(WITH_SHARE).validate(frame, lazy=True)
    except SchemaErrors:
        with pytest.raises(ContractError, match="failure_case"):
            check(frame, WITH_SHARE)
    else:
        assert check(frame, WITH_SHARE).equals(frame)


@pytest.mark.parametrize(
    "wrong",
    [
        pl.col("quantity").cast(pl.Float64) + 0.5,
        pl.col("quantity").cast(pl.Int32),
        pl.col("quantity").cast(pl.String),
    ],
    ids=["float", "narrower", "text"],
)
def test_another_type_in_an_integer_column_is_refused_not_cast(wrong):
    with pytest.raises(ContractError, match="instead of Int64"):
        check(small().with_columns(wrong.alias("quantity")), SMALL)


def test_money_of_another_scale_and_instants_without_zone_are_refused():
    with pytest.raises(ContractError, match="amount"):
        check(small().with_columns(pl.col("amount").cast(pl.Decimal(18, 2))), SMALL)
    table = TABLES["silver/decisions"]
    naive = empty(table).with_columns(pl.col("decided_at").dt.replace_time_zone(None))
    with pytest.raises(ContractError, match="decided_at"):
        check(naive, table)


def test_missing_further_and_misplaced_columns_are_refused():
    with pytest.raises(ContractError, match="colour"):
        check(small().drop("colour"), SMALL)
    with pytest.raises(ContractError, match="surprise"):
        check(small().with_columns(surprise=1), SMALL)
    with pytest.raises(ContractError, match="order of columns"):
        check(small().select(reversed(SMALL.column_names)), SMALL)
    with pytest.raises(ContractError, match="colour"):
        conform(small().drop("colour"), SMALL)
    assert conform(small().with_columns(surprise=1), SMALL).equals(small())


def test_duplicated_keys_are_found_with_their_number():
    assert duplicated_keys(small(), SMALL).is_empty()
    assert duplicated_keys(pl.concat([small(), small(quantity=2)]), SMALL).rows() == [("a", 2)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": ("nothing",)}, "nothing"),
        ({"partition_by": ("event_date",)}, "event_date"),
        ({"columns": (text("thing", "One."), count("thing", "Two."))}, "declared twice"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(change, message):
    values = {"layer": "gold", "name": "bad", "description": "", "grain": "", "key": ("thing",),
              "columns": (text("thing", "Which."),)}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        Table(**{**values, **change})


@EVERY_TABLE
def test_keys_are_not_null_unless_the_row_may_lack_them(table):
    nullable = {column.name for column in table.columns if column.nullable}
    assert nullable & set(table.key) <= {"event_date"}, "a null key column makes rows that cannot be told apart"
