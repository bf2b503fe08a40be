from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_assets.contracts.events.admission import (
    Admission,
    DoorPolicy,
    admit,
    estimated_seconds,
    is_command,
    queue_priority,
)
from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.problems import Problem
from inventory_assets.contracts.silver import REASONS
from inventory_assets_tests.contracts.events.requests import NOW, cloud_event, event_of

LISTED = DoorPolicy(taken_types=frozenset({"price.changed"}))


def example(name: str, version: int = 1, **attributes: object):
    declared = TYPES[name]
    sent = cloud_event(name, declared.examples[version], schemaversion=str(version), **attributes)
    return event_of(sent, trusted=True)


def test_nothing_is_filtered_by_default():
    for name, declared in TYPES.items():
        for version in declared.versions:
            assert admit(example(name, version), DoorPolicy()) == Admission("accepted")


@pytest.mark.parametrize("name", TYPES)
def test_a_list_filters_news_and_commands_but_never_facts_about_stock(name):
    event = example(name, TYPES[name].current)
    filtered = name != "price.changed" and (is_command(event) or TYPES[name].nature == "news")
    assert admit(event, LISTED).disposition == ("filtered" if filtered else "accepted")
    urgent = example(name, TYPES[name].current, priority=7)
    assert admit(urgent, LISTED) == Admission("accepted")


def test_refused_sources_are_refused_before_anything_else():
    found = admit(example("price.changed"), DoorPolicy(refused_sources=frozenset({"/stores/1"})))
    assert isinstance(found, Problem)
    assert (found.code, found.type.status) == ("source_refused", 403)


@pytest.mark.parametrize(("ahead", "expected"), [(300, "accepted"), (300.001, "quarantined")])
def test_an_event_more_than_five_minutes_ahead_is_held(ahead, expected):
    event = example("stock.counted", time=(NOW + timedelta(seconds=ahead)).isoformat())
    assert admit(event, DoorPolicy()).disposition == expected


def test_a_count_that_speaks_of_the_future_in_its_data_is_held_too():
    data = {"ItemNumber": "A", "Quantity": 1, "UpdateType": "Absolute", "Timestamp": "2099-01-01T00:00:00Z"}
    event = event_of(cloud_event("InventoryUpdate", {**data, "location_id": "S1"}))
    held = admit(event, DoorPolicy())
    assert held == Admission("quarantined", "event_time_ahead")
    ancient = event_of(cloud_event("price.changed", TYPES["price.changed"].examples[1], time="1999-12-31T00:00:00Z"))
    assert admit(ancient, DoorPolicy()).reason == "date_out_of_range"
    assert {"event_time_ahead", "date_out_of_range"} < set(REASONS)


def test_an_emergency_goes_before_every_priority_a_sender_may_give():
    assert queue_priority(example("EmergencyReplenishment", priority=1)) > queue_priority(
        example("StockAdjustment", priority=10)
    )
    assert [estimated_seconds(priority) for priority in (11, 10, 9, 8, 7, 6, 1)] == [1, 1, 2, 5, 10, 30, 30]
