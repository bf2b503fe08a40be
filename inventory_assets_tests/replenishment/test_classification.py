"""Classes: boundaries, ties, and that neither units nor order matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from inventory_assets.replenishment.classification import abc_classes, demand_patterns, pattern_of, xyz_classes
from inventory_assets.replenishment.intermittent import syntetos_boylan_rate
from inventory_assets_tests.replenishment.demands import factors, forall

values = st.lists(st.integers(0, 10**6), min_size=1, max_size=40, unique=True)
series = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 10, 50]), min_size=2, max_size=40)


@forall(values, st.randoms(use_true_random=False), factors)
def test_classes_do_not_depend_on_order_or_money(usage, random, factor):
    classes = dict(zip(usage, abc_classes(usage), strict=True))
    shuffled = random.sample(usage, len(usage))
    assert abc_classes(shuffled).tolist() == [classes[each] for each in shuffled]
    assert abc_classes(np.array(usage) * 4.0).tolist() == abc_classes(usage).tolist()


@forall(values)
def test_class_a_reaches_80_per_cent_and_would_not_without_its_last_item(usage):
    value, classes = np.array(usage, dtype=float), abc_classes(usage)
    if value.sum() == 0:
        assert set(classes) == {"C"}
        return
    for upto, cut in (("A", 0.80), ("AB", 0.95)):
        chosen = np.sort(value[np.isin(classes, list(upto))])
        assert chosen.sum() >= cut * value.sum() * (1 - 1e-12) or np.isclose(chosen.sum(), value.sum())
        if len(chosen) > (classes == "A").sum() * (upto == "AB"):
            assert chosen[1:].sum() < cut * value.sum() * (1 + 1e-12)


def test_the_item_on_the_boundary_belongs_to_the_upper_class_and_no_value_to_the_lowest():
    assert abc_classes([70, 20, 6, 4, 0]).tolist() == ["A", "A", "B", "C", "C"]
    assert abc_classes([50, 50]).tolist() == ["A", "A"]
    assert abc_classes([0, 0]).tolist() == ["C", "C"]


def test_variation_sets_the_xyz_class_its_cut_included():
    weeks = np.array([[10, 10, 10, 10], [5, 15, 5, 15], [0, 20, 0, 20], [0, 0, 0, 40], [0, 0, 0, 0]])
    assert xyz_classes(weeks).tolist() == ["X", "X", "Y", "Z", "Z"]


@forall(series, st.integers(2, 30))
def test_patterns_do_not_depend_on_the_unit(demand, units):
    plain, packs = demand_patterns(demand), demand_patterns(np.array(demand) * units)
    np.testing.assert_allclose(packs.interval, plain.interval)
    np.testing.assert_allclose(packs.variation, plain.variation, atol=1e-12)


@forall(series)
def test_interval_and_variation_are_those_of_their_definition(demand):
    found = demand_patterns([demand])
    sizes = np.array([each for each in demand if each])
    if not len(sizes):
        assert found.pattern[0] == "none"
        return
    np.testing.assert_allclose(found.interval[0], len(demand) / len(sizes))
    np.testing.assert_allclose(found.variation[0], (sizes.std() / sizes.mean()) ** 2, atol=1e-12)


@pytest.mark.parametrize(
    ("interval", "variation", "pattern"),
    [(1.32, 0.49, "smooth"), (1.32, 0.50, "erratic"), (1.33, 0.49, "intermittent"), (1.33, 0.50, "lumpy")],
)
def test_the_cut_offs_belong_to_the_lower_side(interval, variation, pattern):
    assert pattern_of(interval, variation) == pattern


@forall(st.integers(1, 500), st.integers(1, 30), st.floats(0.01, 0.9), st.integers(2, 9))
def test_steady_demand_is_forecast_as_it_is_but_for_the_correction(size, periods, smoothing, units):
    steady = np.full(periods, size)
    rate = syntetos_boylan_rate(steady, smoothing)
    np.testing.assert_allclose(rate, (1 - smoothing / 2) * size)
    np.testing.assert_allclose(syntetos_boylan_rate(steady * units, smoothing), rate * units)


def test_items_without_demand_have_rate_0_beside_others():
    rates = syntetos_boylan_rate([[0, 0, 0, 0], [0, 4, 0, 4]], 0.1)
    np.testing.assert_allclose(rates, [0, 0.95 * 2])
