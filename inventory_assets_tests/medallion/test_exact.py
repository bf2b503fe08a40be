from __future__ import annotations

import math
from fractions import Fraction

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.medallion.exact import constant, sample_variance, score_mean, score_steps

values = st.lists(st.integers(0, 10**8), min_size=1, max_size=60)


@given(values, st.integers(2, 10**8), st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_division_by_a_constant_does_not_depend_on_how_rows_are_cut(numbers, divisor, cut):
    # Polars multiplies by the reciprocal where the divisor is a literal; 6 / 7 has two values there.
    quotient = pl.col("x") / constant(divisor, pl.col("x"))
    rows = pl.DataFrame({"x": numbers}, schema={"x": pl.Int64})
    expected = [number / divisor for number in numbers]
    assert rows.select(quotient)["x"].to_list() == expected
    assert rows.lazy().select(quotient).collect(engine="streaming")["x"].to_list() == expected
    parts = [rows.slice(start, cut).select(quotient) for start in range(0, rows.height, cut)]
    assert pl.concat(parts)["x"].to_list() == expected


@given(values)
@settings(max_examples=50, deadline=None)
def test_sample_variance_is_the_exact_one_rounded(numbers):
    rows = pl.DataFrame({"n": [len(numbers)], "x": [sum(numbers)], "xx": [sum(x * x for x in numbers)]})
    found = rows.select(sample_variance(pl.col("n"), pl.col("x"), pl.col("xx"))).item()
    if len(numbers) < 2:
        assert found is None
        return
    mean = Fraction(sum(numbers), len(numbers))
    exact = sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)
    assert math.isclose(found, exact, rel_tol=1e-15)


@given(st.lists(st.sampled_from([0.0, 0.5, 2 / 3, 5 / 6, 1.0]), min_size=1, max_size=60), st.randoms())
@settings(max_examples=30, deadline=None)
def test_mean_score_does_not_depend_on_the_order_and_stays_within_one(scores, source):
    def mean(found):
        rows = pl.DataFrame({"s": found}).select(score_steps(pl.col("s")).sum().alias("steps"), pl.len().alias("n"))
        return rows.select(score_mean(pl.col("steps"), pl.col("n"))).item()

    shuffled = scores.copy()
    source.shuffle(shuffled)
    assert mean(scores) == mean(shuffled)
    assert 0 <= mean(scores) <= 1
    assert math.isclose(mean(scores), sum(scores) / len(scores), abs_tol=1e-6)
