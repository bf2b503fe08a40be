"""The report of a file that is not taken in."""

from __future__ import annotations

import polars as pl

from inventory_assets.ingest.landing import file_at
from inventory_assets.ingest.validate import Problem, ValidationReport, validate_file
from inventory_assets_tests.ingest.samples import NOW, PROFILES, csv_of

GOOD = "T1,LON,A,1,1.50,2025-06-01T10:00:00"
ROWS = csv_of(GOOD, "T2,LON,A,x,y,2025-06-01", "short", "T3,LON,A,1,1,2024-03-31 01:30", GOOD, GOOD)


def report(content: bytes, silver=None, most: int = 20) -> ValidationReport:
    file = file_at("pos/source=till/a.csv", content, NOW)
    return validate_file(content, file, PROFILES, NOW, silver, max_problems=most)


def test_rows_are_counted_by_every_reason_and_listed_by_position() -> None:
    made = report(ROWS)
    assert (made.rows, made.accepted, made.quarantined, made.refused) == (6, 3, 3, None)
    assert made.reasons == {
        "type:unit_price": 1, "type:quantity_sold": 1, "time:nonexistent": 1, "line:unreadable": 1,
    }  # fmt: skip
    assert [(problem.row_number, problem.reason) for problem in made.problems] == [
        (2, "type:quantity_sold"), (3, "line:unreadable"), (4, "time:nonexistent"),
    ]  # fmt: skip
    assert made.problems[0].detail == "T2,LON,A,x,y,2025-06-01"
    assert len(report(ROWS, most=1).problems) == 1


def test_a_good_file_is_accepted_whole() -> None:
    made = report(csv_of(GOOD))
    assert (made.rows, made.accepted, made.quarantined, made.reasons, made.problems) == (1, 1, 0, {}, ())


def test_a_refused_file_has_no_rows_and_says_why() -> None:
    made = report(b"a,b\n1,2\n")
    assert made.refused is not None
    assert (made.rows, made.accepted, made.quarantined, made.reasons) == (0, 0, 0, {"file:refused": 1})
    assert made.problems == (Problem(0, "file:refused", made.refused),)


def test_a_silver_function_decides_where_each_row_would_end() -> None:
    def split(bronze: pl.DataFrame) -> dict[str, pl.DataFrame]:
        bad = bronze.filter(pl.col("row_error").is_not_null() | pl.col("cast_errors").is_not_null())
        return {
            "silver/inventory_transactions": bronze.head(1),
            "silver/returns": bronze.clear(),
            "silver/stock_movements": bronze,
            "silver/quarantine": bad.select(
                "row_number", reason=pl.lit("type:unit_price"), reasons=pl.lit("type:unit_price,price:null"),
                detail=pl.lit(None, pl.String),
            ),
            "silver/day_balance": pl.DataFrame({"outcome": ["bronze", "exact_repeat"], "rows": [6, 2]}),
        }  # fmt: skip

    made = report(ROWS, {"pos": split})
    assert made.outcomes == {"silver/inventory_transactions": 1, "silver/quarantine": 3, "exact_repeat": 2}
    assert (made.accepted, made.quarantined) == (3, 3)
    assert made.reasons == {"type:unit_price": 3, "price:null": 3}
