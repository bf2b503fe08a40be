"""The panel order policies are judged on holds every line that was published once, and what an invoice repeats."""

from __future__ import annotations

import polars as pl

from benchmarks.policies import published_once


def test_days_that_stand_in_both_sheets_count_once_and_repeated_lines_stay():
    line = {"Invoice": "536365", "StockCode": "85123A", "Quantity": 6}
    lines = pl.DataFrame(
        [{"Sheet": "a", **line}, {"Sheet": "a", **line}, {"Sheet": "a", **line, "Quantity": 8},
         {"Sheet": "b", **line}, {"Sheet": "b", **line}, {"Sheet": "b", **line, "Invoice": "536366"}]
    )  # fmt: skip
    found = published_once(lines)
    assert found.select("Invoice", "Quantity").rows() == [("536365", 6), ("536365", 6), ("536365", 8), ("536366", 6)]
