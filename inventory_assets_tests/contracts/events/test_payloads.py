"""Old versions are lifted at reading, strictly checked as they came."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.events.catalogue import ALIASES, TYPES
from inventory_assets_tests.contracts.events.requests import cloud_event, event_of, problem_of

letters = st.characters(max_codepoint=0x24F, exclude_categories=["Cc", "Cf", "Zs"])
codes = st.text(letters, min_size=1, max_size=12)
units = st.integers(1, 10_000_000)


@settings(max_examples=60, deadline=None)
@given(codes, units, st.sampled_from(["Absolute", "Increment", "Decrement"]), codes)
def test_an_update_of_version_1_is_the_same_in_version_2(item, quantity, update_type, place):
    old = {"ItemNumber": item, "Quantity": quantity, "UpdateType": update_type, "location_id": place}
    new = {"product_sku": item, "quantity": quantity, "update_type": update_type, "location_id": place}
    lifted = event_of(cloud_event("InventoryUpdate", old))
    assert lifted.payload == event_of(cloud_event("InventoryUpdate", new, schemaversion="2")).payload
    assert lifted.envelope.data == old


@settings(max_examples=60, deadline=None)
@given(
    codes, codes, units, st.sampled_from(["Receipt", "Issue", "Transfer"]), st.sampled_from(["High", "Normal", "Low"])
)
def test_a_transaction_of_version_1_is_the_same_in_version_2(number, item, quantity, kind, priority):
    places = {"Receipt": {"to": "B"}, "Issue": {"from": "A"}, "Transfer": {"from": "A", "to": "B"}}[kind]
    old = {"TransactionID": number, "Type": kind, "ItemNumber": item, "Quantity": quantity, "Priority": priority}
    old |= {f"{side.capitalize()}Location": place for side, place in places.items()}
    new = {"transaction_id": number, "type": kind, "priority": priority}
    new |= {"lines": [{"product_sku": item, "quantity": quantity}]}
    new |= {f"{side}_location": place for side, place in places.items()}
    one, two = cloud_event("Transaction", old), cloud_event("Transaction", new, schemaversion="2")
    assert event_of(one).payload == event_of(two).payload


def test_the_location_of_an_old_update_may_stand_in_the_subject():
    data = {"ItemNumber": "A", "Quantity": 1, "UpdateType": "Increment"}
    assert event_of(cloud_event("InventoryUpdate", data, subject="A/S%2F1")).payload.location_id == "S/1"
    assert problem_of(cloud_event("InventoryUpdate", data)).code == "location_missing"


def test_an_unknown_version_is_refused_with_the_known_ones():
    found = problem_of(cloud_event("InventoryUpdate", {}, schemaversion="3"))
    assert (found.code, found.detail) == ("version_unknown", "InventoryUpdate has version 1, 2, not 3")


def test_every_version_but_the_newest_has_an_upcaster_and_an_example():
    for declared in TYPES.values():
        assert declared.versions.keys() == declared.examples.keys()
        assert declared.upcasters.keys() == declared.versions.keys() - {declared.current}
        assert sorted(declared.versions) == list(range(1, declared.current + 1))


@pytest.mark.parametrize(("alias", "name"), sorted(ALIASES.items()))
def test_other_names_of_a_type_mean_the_same(alias, name):
    declared = TYPES[name]
    sent = cloud_event(alias, declared.examples[1])
    assert event_of(sent, trusted=True).envelope.type == name


@pytest.mark.parametrize("quantity", [5.5, "5", True, None, -1, 10_000_001, [5]])
def test_units_are_whole_numbers_within_bounds(quantity):
    data = {"product_sku": "A", "location_id": "S", "quantity": quantity, "reason": "now"}
    assert problem_of(cloud_event("EmergencyReplenishment", data)).errors[0].pointer == "/data/quantity"


@pytest.mark.parametrize("price", ["1.23456", 1.23456, True, "1e3", -1, "-0.5", "NaN", "1,5", 10**15])
def test_amounts_are_exact_and_not_negative(price):
    data = {"product_sku": "A", "new_price": price, "currency": "usd"}
    assert problem_of(cloud_event("price.changed", data)).errors[0].pointer == "/data/new_price"


@pytest.mark.parametrize("code", ["", " ", "x" * 65, "a\nb", 1.5, True, {}])
def test_item_codes_are_bounded(code):
    data = {"product_sku": code, "new_price": 1, "currency": "usd"}
    assert problem_of(cloud_event("price.changed", data)).errors[0].pointer == "/data/product_sku"


def test_whole_numbers_in_other_clothes_are_taken():
    data = {"product_sku": 77, "location_id": 12, "quantity": 5.0, "reason": "now"}
    payload = event_of(cloud_event("EmergencyReplenishment", data)).payload
    assert (payload.product_sku, payload.location_id, payload.quantity) == ("77", "12", 5)


def test_a_transaction_names_the_places_its_type_needs():
    def sent(kind: str, **places: str) -> dict:
        data = {"transaction_id": "t", "type": kind, "lines": [{"product_sku": "A", "quantity": 1}], **places}
        return cloud_event("Transaction", data, schemaversion="2")

    assert "needs to_location" in problem_of(sent("Receipt", from_location="A")).detail
    assert "needs from_location" in problem_of(sent("Issue", to_location="A")).detail
    assert "two different" in problem_of(sent("Transfer", to_location="A", from_location="A")).detail
