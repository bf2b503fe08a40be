"""What a person sees in Dagster, in a real browser on a real instance that has taken files in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from inventory_assets.contracts.gold import STORE_PERFORMANCE
from inventory_assets_tests.browser.ui import missing, page, webserver
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.defs.installation import DAY, NOW, Installation, line

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The UI of an instance that refreshed twice and materialised one asset by hand."""
    data = tmp_path_factory.mktemp("seen")
    home = data / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text("utf-8"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("INVENTORY_DATA_DIR", str(data))
        monkeypatch.setenv("INVENTORY_FIXED_CLOCK", NOW.isoformat())
        monkeypatch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "0")
        monkeypatch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            installation = Installation(data, instance)
            for offset in range(2):
                day = DAY + timedelta(days=offset)
                installation.land_lines(f"day{offset}", *(line(n, day=day, receipt=f"R{offset}") for n in range(9)))
                assert installation.refresh().success
            assert installation.materialise("gold_sales", DAY, DAY + timedelta(days=1)).success
        with webserver(home, data / "webserver.log") as running:
            yield running


@pytest.fixture
def look(address):
    """Open a page of the UI, wait for texts on it, and give its whole text; scripts must not fail."""

    def look(path: str, *texts: str) -> str:
        with page() as (seen, errors):
            seen.goto(f"{address}{path}")
            for text in texts:
                seen.get_by_text(text, exact=False).first.wait_for()
            assert errors == []
            return re.sub(r"\s+", " ", seen.inner_text("body"))

    return look


def test_an_asset_says_what_it_is_whose_it_is_and_what_its_columns_mean(look):
    text = look("/assets/gold/store_performance?view=overview", STORE_PERFORMANCE.description, "daily_revenue")
    for said in (
        f"Grain: {STORE_PERFORMANCE.grain}", f"Key: {', '.join(STORE_PERFORMANCE.key)}", "Late data:",
        "Kept current by:", "inventory-data", "domain: sales", "data_class: internal", "Delta Lake", "Polars",
        "Row count", "Amount of the sales. [currency]", "decimal(18,4)",
    ):  # fmt: skip
        assert said in text, said
    for blank in ("No description", "No owners", "No kinds", "No tags", "Never materialized"):
        assert blank not in text, blank


def test_a_materialisation_shows_its_numbers_and_rows(look):
    text = look("/assets/gold/store_performance?view=events", "rows_written", "daily_quantity_sold")
    assert "seconds" in text
    assert "S1 2024-05-02 USD 18 27.0000" in text


def test_a_check_says_what_it_holds_and_plots_its_numbers(look):
    text = look("/assets/gold/store_performance?view=checks", "keeps_contract", "blocking", "Plots")
    assert "The stored schema equals the declared one" in text
    assert "every key once" in text


def test_the_launchpad_offers_a_run_without_typing(look):
    """The button is there and the configuration as offered has no error."""
    text = look("/locations/inventory_assets.definitions/jobs/refresh/playground", "Launch run")
    assert not re.search(r"[1-9]\d* errors?", text)


def test_the_job_the_sensor_and_the_runs_are_named(look):
    job = look(
        "/locations/inventory_assets.definitions/jobs/refresh", "Takes new landing files into bronze", "inventory-data"
    )
    assert "refresh_gold_sales" in job
    sensor = look("/locations/inventory_assets.definitions/sensors/landing", "landing")
    assert "refresh" in sensor
    runs = look("/runs", "refresh", "Success")
    assert runs.count("Success") >= 3


def test_the_graph_has_the_layers_in_the_order_of_the_data(look):
    text = look("/asset-groups", "bronze", "serving")
    assert all(layer in text for layer in ("bronze", "silver", "gold", "analytics", "serving"))


def test_nobody_is_asked_for_an_address(look):
    """Dagster's welcome dialog wants to send one; dagster.yaml turns it off."""
    assert "Join the Dagster community" not in look("/runs", "refresh")
