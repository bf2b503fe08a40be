"""The page about the UI names everything that runs by itself, and when."""

from __future__ import annotations

import json
import re

from inventory_assets_tests.conftest import ROOT

GRAPH = json.loads((ROOT / "inventory_assets_tests" / "defs" / "asset_graph.json").read_text("utf-8"))
ROWS = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (ROOT / "docs" / "ui.md").read_text("utf-8"), re.MULTILINE))


def when(cron: str) -> str:
    """Time of a schedule as the page writes it."""
    minute, hour, _, _, weekday = cron.split()
    if hour == "*":
        return f":{minute:0>2}"
    return f"{'Sunday ' if weekday == '0' else ''}{hour:0>2}:{minute:0>2}"


def test_the_page_has_a_row_for_every_sensor_and_schedule_with_its_time():
    schedules = {name: when(each["cron"]) for name, each in GRAPH["schedules"].items()}
    assert {name: ROWS.get(name) for name in schedules} == schedules
    assert set(GRAPH["sensors"]) <= set(ROWS)
    assert set(ROWS) <= {*schedules, *GRAPH["sensors"]}, "rows of something that does not exist"
