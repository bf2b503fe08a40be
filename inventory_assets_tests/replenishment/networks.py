"""The two published networks of the guaranteed-service tests."""

from __future__ import annotations

from inventory_assets.replenishment.multi_echelon import Stage

_Z = 1.6448536269514722

EXAMPLE_6_5 = {
    "1": Stage(1, 2, waits_outside=1),
    "3": Stage(2, 1, ("1",)),
    "2": Stage(3, 1, ("3",), demand_sd=1, promise=0),
    "4": Stage(3, 1, ("3",), demand_sd=1, promise=1),
}
"""Snyder & Shen (2019), example 6.5."""

CAMERA = {
    "raw material": Stage(0.01, 2, bound=_Z),
    "process wafers": Stage(0.03, 3, ("raw material",), bound=_Z),
    "package and test wafers": Stage(0.04, 2, ("process wafers",), bound=_Z),
    "imager base": Stage(0.06, 4, bound=_Z),
    "imager assembly": Stage(0.12, 2, ("package and test wafers", "imager base"), bound=_Z),
    "ship to final assembly": Stage(0.13, 3, ("imager assembly",), bound=_Z),
    "camera": Stage(0.20, 6, bound=_Z),
    "circuit board": Stage(0.08, 4, bound=_Z),
    "other parts": Stage(0.04, 3, bound=_Z),
    "build, test, pack": Stage(
        0.50,
        2,
        ("camera", "ship to final assembly", "circuit board", "other parts"),
        demand_sd=10,
        bound=_Z,
        promise=2,
    ),
}
"""Snyder & Shen (2019), figure 6.14: the digital camera of Graves & Willems."""
