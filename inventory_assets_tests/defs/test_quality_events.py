"""What Dagster shows of quality: scores of each day to plot, a table by hand, warnings that block nothing."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from inventory_assets.defs.specs import key
from inventory_assets_tests.defs.installation import (
    DAY,
    Installation,
    evaluations,
    failed_checks,
    failed_steps,
    line,
    materialised,
)

SCORES, BALANCE = "gold/quality_scores", "silver/day_balance"
WARNED = (BALANCE, "no_source_is_silent")


def day_lines(*days: date) -> list[str]:
    return [line(1, day=day, receipt=f"R{day:%m%d}") for day in days]


def test_scores_of_a_day_are_plotted_and_a_table_is_shown_by_hand(installation: Installation):
    installation.land_lines("a", line(1), line(2), line(2), line(3, quantity=""))
    result = installation.refresh()
    assert result.success, failed_steps(result)
    event = installation.instance.get_latest_materialization_event(key(SCORES))
    assert event is not None
    assert event.asset_materialization is not None
    plotted = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (plotted["validity"], plotted["completeness"], plotted["uniqueness"]) == (2 / 3, 2 / 3, 0.75)
    assert 0 < float(str(plotted["dq_score"])) < 1
    by_hand = installation.materialise("quality_scores", DAY, DAY)
    assert by_hand.success, failed_steps(by_hand)
    shown = installation.instance.get_latest_materialization_event(key(SCORES))
    assert shown is not None
    assert shown.asset_materialization is not None
    words = str(shown.asset_materialization.metadata["scores"].value)
    assert "| silver/inventory_transactions | 1 | 0.6667 |" in words


def test_a_warning_blocks_nothing_names_its_runbook_and_stands_until_it_is_mended(installation: Installation):
    days = [DAY - timedelta(days=n) for n in range(25)]
    installation.land_lines("a", *day_lines(*days))
    web = installation.land("pos/source=web/a.csv", "")
    header = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp"
    installation.land(web, "\n".join([header, *day_lines(*days[5:]), ""]))
    result = installation.refresh()
    assert result.success, failed_steps(result)
    assert failed_checks(result) == {WARNED}
    assert SCORES in materialised(result)
    record = installation.instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(key(BALANCE), WARNED[1]))
    assert record is not None
    assert record.event is not None
    assert record.event.dagster_event is not None
    said = record.event.dagster_event.asset_check_evaluation_data
    assert said.severity == dg.AssetCheckSeverity.WARN
    assert said.metadata["runbook"].value == "docs/runbooks/no_source_is_silent.md"
    assert evaluations(installation.refresh()) == {}, "nothing new to look at"
    installation.land("pos/source=web/b.csv", "\n".join([header, *day_lines(*days[:5]), ""]))
    mended = installation.refresh()
    assert mended.success, failed_steps(mended)
    assert evaluations(mended)[WARNED]
