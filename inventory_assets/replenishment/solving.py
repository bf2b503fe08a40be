"""Finding where a decreasing function of one number falls to a target, for all rows at once.

Bisection, because it cannot fail on the steps of count data and costs the same for every row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inventory_assets.replenishment.domain import BoolArray, FloatArray

_STEPS = 200
"""More halvings or doublings than the 64 bits of a float have room for."""


class NoSolution(ArithmeticError):  # noqa: N818 - says what there is
    """The function never falls to its target; the parameters contradict each other."""


def falls_to(
    function: Callable[[FloatArray], FloatArray],
    target: FloatArray,
    start: FloatArray,
    step: FloatArray,
    *,
    whole: bool = False,
) -> FloatArray:
    """Smallest x with function(x) ≤ target.

    Args:
        function: not increasing in each element, from above the target to below it.
        target: shape (rows,).
        start: where to look first, shape (rows,).
        step: how far to look next, above 0, shape (rows,); doubled until the target is enclosed.
        whole: look at whole numbers only.

    Returns:
        x, to the last bits of a float, or exactly where `whole`.

    Raises:
        NoSolution: if doubling the step never encloses the target.
    """
    target, start, step = np.broadcast_arrays(target, start, step)
    if whole:
        start, step = np.floor(start), np.maximum(np.ceil(step), 1.0)
    high = _moved(start, step, lambda x: function(x) <= target)
    low = _moved(start, -step, lambda x: function(x) > target)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if whole:
            middle = np.floor(middle)
        inside = (middle > low) & (middle < high)
        if not inside.any():
            break
        enough = function(middle) <= target
        high = np.where(inside & enough, middle, high)
        low = np.where(inside & ~enough, middle, low)
    return high


def _moved(start: FloatArray, step: FloatArray, reached: Callable[[FloatArray], BoolArray]) -> FloatArray:
    """Points beyond start, in steps that double, where the condition holds."""
    x, step = start.copy(), step.copy()
    for _ in range(_STEPS):
        there = reached(x)
        if there.all():
            return x
        x, step = np.where(there, x, x + step), np.where(there, step, step * 2)
    raise NoSolution("no value reaches the target for some rows; the parameters contradict each other")
