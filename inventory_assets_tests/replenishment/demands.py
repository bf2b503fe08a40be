"""Hypothesis strategies for the tests of this room: costs, rates and distributions in the ranges of a shop."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.replenishment.distributions import Gamma, Lognormal, NegativeBinomial, Normal, Poisson
from inventory_assets.replenishment.observed import Discrete, Empirical


def forall(*strategies, examples: int = 60):
    """The test holds for everything the strategies draw; no deadline, because the first call imports scipy."""
    return lambda test: settings(max_examples=examples, deadline=None)(given(*strategies)(test))


costs = st.floats(0.05, 500.0)
setups = st.floats(0.5, 2000.0)
rates = st.floats(0.1, 5000.0)
factors = st.floats(1.01, 20.0)
targets = st.floats(0.05, 0.995)
times = st.floats(0.5, 30.0)


@st.composite
def continuous(draw):
    """A continuous distribution of demand with a mean of 1 to 1,000."""
    mean, variation = draw(st.floats(1.0, 1000.0)), draw(st.floats(0.05, 1.5))
    kind = draw(st.sampled_from(["normal", "gamma", "lognormal"]))
    if kind == "normal":
        return Normal(mean, mean * min(variation, 0.4))
    if kind == "gamma":
        return Gamma(mean, mean * variation)
    return Lognormal(draw(st.floats(0.0, 6.0)), draw(st.floats(0.05, 1.0)))


@st.composite
def counts(draw):
    """A distribution of demand in whole units with a mean of 0.1 to 60."""
    mean = draw(st.floats(0.1, 60.0))
    kind = draw(st.sampled_from(["poisson", "negative binomial", "discrete"]))
    if kind == "poisson":
        return Poisson(mean)
    if kind == "negative binomial":
        return NegativeBinomial(mean, (mean * draw(st.floats(1.05, 5.0))) ** 0.5)
    weights = draw(st.lists(st.integers(1, 20), min_size=2, max_size=12))
    start = draw(st.integers(0, 3))
    return Discrete([start + 2 * i for i in range(len(weights))], [each / sum(weights) for each in weights])


@st.composite
def samples(draw):
    """A distribution of observed demand."""
    return Empirical(draw(st.lists(st.floats(0.0, 500.0), min_size=1, max_size=30)))


anything = st.one_of(continuous(), counts(), samples())
