"""How often the watch may do what costs time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.api.gate import Sparing

Seconds = st.floats(0, 1000)


@dataclass
class Moved:
    """A clock in seconds that tests move."""

    now: float

    def __call__(self) -> float:
        return self.now


@given(st.floats(0, 10**6), st.lists(st.tuples(Seconds, Seconds, st.booleans()), max_size=30))
def test_what_costs_time_takes_its_share_at_most_and_is_never_put_off_for_longer(start, steps):
    """Of every stretch that begins with one doing and ends where the next may begin, the doing is exactly a share."""
    clock = Moved(start)
    sparing = Sparing(clock)
    assert sparing.due, "the first look is at once"
    free = start
    for pause, takes, fails in steps:
        clock.now += pause
        assert sparing.due == (clock.now >= free)
        if not sparing.due:
            continue
        begun = clock.now
        with suppress(OSError), sparing.spent():
            clock.now += takes
            if fails:
                raise OSError("what failed took its time as well")
        spent = clock.now - begun
        free = sparing._next
        whole = free - begun
        assert spent <= whole * Sparing.SHARE + 1e-6 * max(1, clock.now)
        assert whole <= spent / Sparing.SHARE + 1e-6 * max(1, clock.now), "it is not put off for longer than that"
        clock.now = free
        assert sparing.due


def test_a_long_look_is_due_again_after_nineteen_times_as_long():
    clock = Moved(100.0)
    sparing = Sparing(clock)
    with sparing.spent():
        clock.now += 2.0
    assert not sparing.due
    clock.now = 102.0 + 37.9
    assert not sparing.due
    clock.now = 102.0 + 38.0
    assert sparing.due
