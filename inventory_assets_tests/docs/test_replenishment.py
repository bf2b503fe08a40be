"""The examples of docs/replenishment.md run and print what the page says."""

from __future__ import annotations

import doctest

from inventory_assets_tests.conftest import ROOT

PAGE = ROOT / "docs" / "replenishment.md"


def test_the_examples_of_the_page_hold():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 40
    assert failed == 0
