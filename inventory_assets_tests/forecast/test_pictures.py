"""Pictures of forecasts: what a decomposition shows of a series whose parts are known."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

from inventory_assets.contracts.forecast import FORECAST_DIAGNOSTICS
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.forecast.pictures import as_markdown, decomposition
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.pipeline.forecast_shown import decomposition_shown
from inventory_assets_tests.defs.test_forecast import drawn
from inventory_assets_tests.pipeline.gold_rows import FIRST, filled, summary

DAYS = 84
SATURDAY, MONDAY = 5, 0


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_week_of_an_item_is_drawn_by_its_days_and_the_trend_by_its_course(tmp_path):
    lake = Lake(str(tmp_path))
    assert "history long enough" in decomposition_shown(lake)
    weekday = np.array([(FIRST + timedelta(days=number)).weekday() for number in range(DAYS)])
    units = np.full((1, 2, DAYS), 10) + 7 * (weekday == SATURDAY) - 3 * (weekday == MONDAY)
    lake.replace(DAILY_INVENTORY_SUMMARY, summary(units), Scope())
    told = {"kind": "item", "name": "I00", "issued_on": FIRST + timedelta(days=DAYS - 1)}
    lake.replace(FORECAST_DIAGNOSTICS, filled(pl.DataFrame([told]), FORECAST_DIAGNOSTICS), Scope())
    said = texts(drawn(decomposition_shown(lake)))
    assert said[0].startswith(f"I00: {DAYS} days up to {told['issued_on']} as trend + week + rest")
    week = {name: float(value) for name, value in (each.split() for each in said if re.fullmatch(r"\w{3} \S+", each))}
    assert list(week) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert week["Sat"] - week["Tue"] == pytest.approx(14, abs=0.3)
    assert week["Mon"] - week["Tue"] == pytest.approx(-6, abs=0.3)
    assert sum(week.values()) == pytest.approx(0, abs=0.5)


def test_a_picture_keeps_inside_itself_whatever_the_rest_is():
    svg = decomposition("wild", [0.0, 100.0, 0.0], [5.0, 5.0, 5.0], [1.0] * 7, [-500.0, 500.0, 0.0])
    root = ET.fromstring(svg)
    height = float(root.attrib["height"])
    tops = [float(each.attrib["cy"]) for each in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert len(tops) == 6
    assert all(0 < top < height for top in tops)
    assert as_markdown(svg, "wild").startswith("![wild](data:image/svg+xml;base64,")
