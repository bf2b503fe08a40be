"""Every input is taken in once, whatever was lost or repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.lakehouse.inputs import Input, Inputs
from inventory_assets.lakehouse.lake import Lake

TABLE = BRONZE["suppliers"]
NOW = datetime(2024, 1, 1, tzinfo=UTC)


def rows(*files: str) -> pl.DataFrame:
    """Two bronze rows a file."""
    blank = dict.fromkeys(TABLE.column_names)
    return pl.DataFrame(
        [
            {
                **blank, "supplier_id": f"{file}-{n}", "source_system": "s", "source_file": file, "content_hash": "h",
                "row_number": n, "ingestion_timestamp": NOW, "processing_date": NOW.date(),
            }
            for file in files
            for n in (1, 2)
        ],
        schema=polars_schema(TABLE),
    )  # fmt: skip


def inputs(*files: str) -> list[Input]:
    return [Input(file, "h", 10, NOW) for file in files]


def held(lake: Lake) -> list[str]:
    return sorted(lake.scan(TABLE).select("source_file").collect().to_series().to_list())


@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), max_size=6), st.sets(st.integers(0, 5)))
@settings(max_examples=20, deadline=None)
def test_each_input_stands_once_whatever_is_offered_and_whichever_manifest_is_lost(tmp_path_factory, offers, losses):
    root = tmp_path_factory.mktemp("lake")
    lake = Lake(str(root))
    for n, files in enumerate(offers):
        Inputs(lake, TABLE).append_once(rows(*sorted(files)), inputs(*sorted(files)))
        if n in losses:  # a crash between the commit and the manifest
            (root / "_manifest" / f"{TABLE.name}.parquet").unlink(missing_ok=True)
    everything = sorted(set().union(*offers))
    assert held(lake) == sorted(everything * 2)
    assert Inputs(lake, TABLE).known()["source_file"].to_list() == everything


def test_an_offer_of_held_inputs_makes_no_commit(tmp_path):
    lake = Lake(str(tmp_path))
    assert Inputs(lake, TABLE).append_once(rows("a"), inputs("a")) is not None
    version = lake.version(TABLE)
    assert Inputs(lake, TABLE).append_once(rows("a"), inputs("a")) is None
    assert lake.version(TABLE) == version


def test_the_same_path_with_other_content_is_another_input(tmp_path):
    lake = Lake(str(tmp_path))
    Inputs(lake, TABLE).append_once(rows("a"), inputs("a"))
    rewritten = rows("a").with_columns(content_hash=pl.lit("other"))
    assert Inputs(lake, TABLE).append_once(rewritten, [Input("a", "other", 11, NOW)]) is not None
    assert held(lake) == ["a"] * 4


def test_a_torn_manifest_is_built_again_from_the_table(tmp_path):
    lake = Lake(str(tmp_path))
    Inputs(lake, TABLE).append_once(rows("a", "b"), inputs("a", "b"))
    Path(tmp_path, "_manifest", f"{TABLE.name}.parquet").write_bytes(b"PAR1 torn")
    known = Inputs(lake, TABLE).known()
    assert known["source_file"].to_list() == ["a", "b"]
    assert known["size"].null_count() == 2


def test_size_and_time_are_remembered_once_known(tmp_path):
    lake = Lake(str(tmp_path))
    Inputs(lake, TABLE).append_once(rows("a", "b"), inputs("a", "b"))
    Path(tmp_path, "_manifest", f"{TABLE.name}.parquet").unlink()
    Inputs(lake, TABLE).remember(inputs("a"))
    assert Inputs(lake, TABLE).known().select("source_file", "size").rows() == [("a", 10), ("b", None)]


def test_rows_of_an_input_that_was_not_named_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not named"):
        Inputs(Lake(str(tmp_path)), TABLE).append_once(rows("a", "b"), inputs("a"))
