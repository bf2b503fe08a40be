"""Which files a tick takes: first tick, nothing new, rewritten, bounded, failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.ingest.landing import LandingFile, Listing, Unrecognised
from inventory_assets.ingest.planning import KnownFile, Limits, TickPlan, plan_tick

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = NOW - timedelta(hours=1)
LIMITS = Limits(max_files=3, max_bytes=100, ready_after_seconds=5)


def landed(name: str, size: int = 10, modified: datetime = OLD) -> LandingFile:
    return LandingFile(f"pos/{name}", "pos", "default", size, modified)


def plan(*files: LandingFile, known=None) -> TickPlan:
    return plan_tick(Listing(files), known or {}, NOW, LIMITS)


def test_the_first_tick_takes_all_oldest_first() -> None:
    a, b = landed("year=2025/a.csv"), landed("year=2026/a.csv")
    assert plan(b, a).files == (a, b)


def test_nothing_new_is_no_work() -> None:
    a = landed("a.csv")
    assert plan(a, known={a.path: KnownFile("h", a.size, a.modified)}) == TickPlan()
    assert plan() == TickPlan()


def test_a_path_known_from_bronze_alone_is_not_read_again() -> None:
    assert plan(landed("a.csv"), known={"pos/a.csv": KnownFile("h")}) == TickPlan()


def test_a_rewritten_file_is_reported_and_not_read() -> None:
    a = landed("a.csv")
    for known in (KnownFile("h", a.size + 1, a.modified), KnownFile("h", a.size, a.modified - timedelta(seconds=1))):
        made = plan(a, known={a.path: known})
        assert made.rewritten == (a,)
        assert not made.files


def test_a_file_written_a_moment_ago_waits() -> None:
    fresh = landed("a.csv", modified=NOW - timedelta(seconds=4.9))
    assert plan(fresh) == TickPlan(waiting=(fresh,))
    assert plan(landed("a.csv", modified=NOW - timedelta(seconds=5))).files


def test_a_file_from_a_clock_ahead_is_not_left_for_ever() -> None:
    assert plan(landed("a.csv", modified=NOW + timedelta(hours=3))).files


def test_a_tick_is_bounded_by_files_and_bytes_but_takes_one_large_file() -> None:
    files = [landed(f"{n}.csv") for n in range(5)]
    assert len(plan(*files).files) == 3
    assert plan(*files).remaining == tuple(files[3:])
    large = landed("a.csv", size=1000)
    assert plan(large, landed("b.csv")).files == (large,)
    assert len(plan(*[landed(f"{n}.csv", size=60) for n in range(2)]).files) == 1


def test_unrecognised_files_are_reported() -> None:
    other = Unrecognised("what.txt", "no feed of that name")
    assert plan_tick(Listing((), (other,)), {}, NOW, LIMITS).unrecognised == (other,)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 80), st.booleans(), st.booleans()), max_size=12))
def test_every_listed_file_is_in_exactly_one_part_or_held(drawn: list[tuple[int, int, bool, bool]]) -> None:
    unique = {f"{n}.csv": (landed(f"{n}.csv", size, NOW if fresh else OLD), held) for n, size, fresh, held in drawn}
    known = {file.path: KnownFile("h", file.size, file.modified) for file, held in unique.values() if held}
    made = plan(*(file for file, _ in unique.values()), known=known)
    parts = [*made.files, *made.waiting, *made.rewritten, *made.remaining]
    assert sorted(parts) == sorted(file for file, held in unique.values() if not held)
