"""Means and deviations that do not depend on the order of the rows.

Float sums differ in the last digits with the order in which threads meet the rows, so two builds of the same day would
not be equal cell by cell. Everything here is summed in whole numbers and divided once.

Division has a trap of its own: Polars divides a float column by a literal as x × (1 ÷ y), except where a morsel holds a
single row, so the last digit depends on how the rows were cut. Between two columns it divides. Hence `constant`, which
makes a column of a literal divisor; a test holds both.
"""

from __future__ import annotations

import polars as pl

from inventory_assets.contracts.schemas import MONEY

SCORE_STEPS = 1_000_000
"""Scores are summed in steps of one millionth."""


def constant(value: int, like: pl.Expr) -> pl.Expr:
    """A real column of one whole number, as long as the whole-number column `like` and null where it is null."""
    return like * 0 + value


def money_mean(total: pl.Expr, number: pl.Expr) -> pl.Expr:
    """Σ amounts ÷ their number, rounded half even to four decimals.

    Polars divides a decimal by an integer in 256 bits and rounds half even; a test holds it to that.
    """
    return (total / number).cast(MONEY)


def score_steps(score: pl.Expr) -> pl.Expr:
    """Scores between 0 and 1 as whole steps, to be summed; see `score_mean`."""
    return (score * SCORE_STEPS).round().cast(pl.Int64)


def score_mean(steps: pl.Expr, number: pl.Expr) -> pl.Expr:
    """Mean score of summed steps."""
    return steps / (number * SCORE_STEPS)


def sample_variance(number: pl.Expr, total: pl.Expr, squares: pl.Expr) -> pl.Expr:
    """Sample variance of whole numbers, exact up to one division; null below two values.

    (n Σx² − (Σx)²) ÷ (n (n − 1)), computed in 128 bits.

    Args:
        number: n, days or lines without a row included.
        total: Σx.
        squares: Σx².
    """
    n, x, xx = (value.cast(pl.Int128) for value in (number, total, squares))
    return pl.when(number > 1).then((n * xx - x * x).cast(pl.Float64) / (n * (n - 1)).cast(pl.Float64))
