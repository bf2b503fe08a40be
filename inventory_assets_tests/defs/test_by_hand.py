"""What a person sees who materialises from the launchpad as it is: it works, and it shows numbers and rows."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from inventory_assets.contracts.tables import PEOPLES_TABLES, TABLES
from inventory_assets.defs.forecast import NIGHT_STEPS
from inventory_assets.defs.jobs import STEPS
from inventory_assets.defs.replenishment import NIGHTLY_STEPS, ON_DEMAND_STEPS
from inventory_assets_tests.defs.installation import DAY, Installation, line, loaded, materialised

ORDER = [step.name for step in (*STEPS, *NIGHT_STEPS, *NIGHTLY_STEPS, *ON_DEMAND_STEPS)]
PEOPLES = {table.path for table in PEOPLES_TABLES}
DAILY = {step.name for step in STEPS if step.daily}


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    """Metadata of the materialisations of a run, by table."""
    return {
        "/".join(event.asset_key.path): {
            name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None
    }


@pytest.fixture
def stocked(installation: Installation) -> Installation:
    """Two days of sales, a master and an opening balance, waiting in the landing folder."""
    installation.land_lines("one", *(line(number) for number in range(1, 9)))
    installation.land_lines("two", line(1, day=DAY + timedelta(days=1), receipt="R2"))
    master = "product_sku,product_name,unit_cost,modified_at\nA1,Candle,2.10,2024-01-01T00:00:00Z\n"
    installation.land("products/source=till/p.csv", master)
    installation.land(
        "stock/source=till/s.csv", "location_id,product_sku,quantity,as_of\nS1,A1,50,2024-05-01T00:00:00Z\n"
    )
    order = "supplier_id,product_sku,expected_delivery,quantity_ordered,received_at\nSUP,A1,2024-05-01,5,2024-05-01\n"
    installation.land("supplier/source=till/o.csv", order)
    return installation


def test_every_asset_can_be_launched_as_the_launchpad_offers_it(stocked):
    """In the order of the data, with no configuration typed, each over a range of days where it has days."""
    shown: dict[str, dict[str, object]] = {}
    for name in ORDER:
        days = (DAY, DAY + timedelta(days=1)) if name in DAILY else ()
        result = stocked.materialise(name, *days)
        assert result.success, name
        shown |= metadata(result)
    published = stocked.materialise("serving__inventory_duckdb")
    assert published.success
    assert materialised(published)
    shown |= metadata(published)
    assert set(shown) == {*TABLES, "serving/inventory_duckdb"} - PEOPLES
    for path, said in shown.items():
        numbers = ["rows_written", "seconds"] + (["dagster/row_count"] if path in TABLES else ["rows", "bytes"])
        assert all(isinstance(said[name], int | float) and said[name] >= 0 for name in numbers), path
    assert shown["gold/store_performance"]["dagster/row_count"] == 2
    assert shown["gold/store_performance"]["preview"].count("| S1 | 2024-05-02 |") == 1, "the last day of the range"
    assert "gold.store_performance" in shown["serving/inventory_duckdb"]["data_as_of"]
    previewed = {path for path, said in shown.items() if "preview" in said}
    assert (
        previewed
        == {path for path, table in TABLES.items() if table.layer in ("gold", "analytics", "replenishment")} - PEOPLES
    )


def test_the_refresh_job_logs_no_preview(stocked):
    """Its events are written for every day of every table; rows of the table have no place there."""
    result = stocked.refresh()
    assert result.success
    said = metadata(result)
    assert "gold/store_performance" in said
    assert not any("preview" in numbers or "data_as_of" in numbers for numbers in said.values())


def test_the_launchpad_of_every_job_is_complete_as_offered(stocked):
    from dagster._core.execution.api import create_execution_plan

    for job in loaded().resolve_all_job_defs():
        if job.partitions_def is None:
            assert create_execution_plan(job, run_config={}).step_keys_to_execute
