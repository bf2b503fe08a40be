"""Notices of low stock as reasons for a plan: once a pair and interval, never before the lake knows of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.pipeline.low_stock import MOST, Low, Remembered, answered, due, heard, read, reason

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def low(item: str, sequence: int = 1, minutes: float = 0) -> Low:
    return Low(item, "S1", sequence, NOW + timedelta(minutes=minutes))


def test_a_notice_waits_for_its_event_and_is_a_reason_once():
    memory = heard(Remembered(), [low("A", 5), low("B", 9)], 12, NOW, HOUR)
    assert memory.notices == 12
    (first,) = due(memory, 5)
    assert first.item == "A"
    memory = answered(memory, (first,), NOW)
    assert due(memory, 5) == ()
    assert [each.item for each in due(memory, 9)] == ["B"]


def test_a_pair_told_again_within_the_interval_waits_until_it_is_over():
    memory = answered(heard(Remembered(), [low("A")], 1, NOW, HOUR), (low("A"),), NOW)
    memory = heard(memory, [low("A", 2, minutes=10)], 2, NOW + timedelta(minutes=10), HOUR)
    assert due(memory, 9) == ()
    memory = heard(memory, [], 2, NOW + HOUR, HOUR)
    assert [each.sequence for each in due(memory, 9)] == [2]


def test_what_a_night_has_passed_over_is_forgotten_and_memory_is_bounded():
    memory = heard(Remembered(), [low("A")], 1, NOW, HOUR)
    assert heard(memory, [], 1, NOW + timedelta(days=1), HOUR).waiting == ()
    many = [low(f"P{number}", number) for number in range(MOST + 5)]
    memory = heard(Remembered(), many, 1, NOW, HOUR)
    assert len(memory.waiting) == MOST
    assert len(answered(answered(memory, many[:10], NOW), many, NOW).asked) == MOST


def test_a_memory_survives_its_text_and_that_of_an_earlier_program_is_understood():
    memory = Remembered({"bronze/retail_events": 3}, 7, (low("Ä, 1"),), {'["B", "S1"]': NOW})
    assert read(memory.written()) == memory
    assert read(None) == Remembered()
    assert read('{"bronze/retail_events": 3}') == Remembered({"bronze/retail_events": 3})


def test_a_reason_names_a_few_pairs():
    assert reason([low("A"), low("B")]) == "stock is low: A at S1, B at S1"
    assert reason([low(f"P{number}") for number in range(7)]).endswith("P4 at S1 and 2 more")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 40)), max_size=40), st.integers(1, 30))
def test_no_pair_is_asked_for_twice_in_an_interval_and_none_is_forgotten_within_the_day(told, minutes):
    """Ticks every minute for four hours; notices come at any of the first forty."""
    memory, asked, interval = Remembered(), {}, timedelta(minutes=minutes)
    for minute in range(240):
        now = NOW + timedelta(minutes=minute)
        lows = [low(item, 1, minute) for item, at in told if at == minute]
        memory = heard(memory, lows, minute, now, interval)
        pressing = due(memory, 1)
        for each in pressing:
            assert each.item not in asked or now - asked[each.item] >= interval
            asked[each.item] = now
        memory = read(answered(memory, pressing, now).written())
    for item, at in told:
        assert asked[item] >= NOW + timedelta(minutes=at) or NOW + timedelta(minutes=at) < asked[item] + interval
    assert memory.waiting == ()
