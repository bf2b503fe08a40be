from __future__ import annotations

import json
from pathlib import PurePath

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.operate.validation import UnknownFeedError, feed_of

HEADER = "transaction_id,store_id,product_sku,quantity_sold,unit_price,timestamp,line_number\n"
GOOD = "T1,S1,A1,2,1.50,2024-05-01T10:00:00Z,1\n"


@pytest.fixture
def judge(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path / "data"))

    def run(text: str):
        file = tmp_path / "monday.csv"
        file.write_text(text)
        result = CliRunner().invoke(app, ["validate", str(file), "--feed", "pos", "--json"])
        assert not (tmp_path / "data").exists(), "nothing may be ingested"
        return result.exit_code, json.loads(result.stdout)

    return run


def test_a_good_file_is_accepted(judge):
    code, verdict = judge(HEADER + GOOD + GOOD.replace(",1\n", ",2\n"))
    assert (code, verdict["rows"], verdict["accepted"], verdict["reasons"]) == (0, 2, 2, [])


def test_a_bad_row_is_named_with_its_place_and_reason(judge):
    code, verdict = judge(HEADER + GOOD + GOOD.replace("T1", "T2") + GOOD.replace("T1", "T3").replace(",2,", ",two,"))
    assert code == 1
    assert (verdict["rows"], verdict["accepted"]) == (3, 2)
    (reason,) = verdict["reasons"]
    assert (reason["rows"], reason["first_row"]) == (1, 3)
    assert "quantity_sold" in reason["reason"]


def test_a_repeated_line_is_neither_refused_nor_counted_twice(judge):
    code, verdict = judge(HEADER + GOOD + GOOD)
    assert (code, verdict["accepted"], verdict["exact_repeats"]) == (0, 1, 1)


def test_a_file_without_a_required_column_is_refused_as_a_whole(judge):
    code, verdict = judge("store_id,product_sku\nS1,A1\n")
    assert code == 1
    assert verdict["rows"] == verdict["accepted"] == 0
    assert verdict["reasons"][0]["first_row"] == 0


def test_the_feed_is_read_from_the_path_or_asked_for():
    assert feed_of(PurePath("/x/landing/pos/source=a/products/day.csv"), None) == "products"
    assert feed_of(PurePath("/x/day.csv"), "stock") == "stock"
    with pytest.raises(UnknownFeedError, match="--feed"):
        feed_of(PurePath("/x/day.csv"), None)
    with pytest.raises(UnknownFeedError, match="--feed"):
        feed_of(PurePath("/x/pos/day.csv"), "sales")
