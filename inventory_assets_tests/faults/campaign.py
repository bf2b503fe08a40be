"""Writing down what a long campaign did: a row of docs/benchmarks.md, only where `make chaos` runs it."""

from __future__ import annotations

import os

import pytest

from benchmarks.report import figure, publish

LONG = "INVENTORY_TEST_PROFILE" in os.environ
"""Whether campaigns run at full length."""
LONG_ONLY = "a long campaign; make chaos runs it"
"""Why the suite skips a campaign."""
long_only = pytest.mark.skipif(not LONG, reason=LONG_ONLY)


def campaign_only(value: object):
    """A value of a parameter that only the campaigns try."""
    return pytest.param(value, marks=[long_only, pytest.mark.slow])


def record(name: str, title: str, target: str, measured: str, *, reached: bool, details: dict) -> None:
    """Keep the counts of a campaign that ran at full length."""
    if LONG:
        publish(figure(name, title, target, measured, reached=reached, details=details), save=True)
