"""A promise names the tests that prove it; they exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_names_tests_that_exist():
    promised = (ROOT / "docs" / "guarantees.md").read_text("utf-8").partition("## Not promised")[0]
    tables = [table for table in re.findall(r"(?:^\|.*\n)+", promised, re.MULTILINE) if table.startswith("| promise")]
    rows = [row for table in tables for row in table.splitlines()[2:]]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`(\w+/test_\w+\.py)`", row)
        assert named, row
        assert [name for name in named if not (ROOT / "inventory_assets_tests" / name).is_file()] == []
