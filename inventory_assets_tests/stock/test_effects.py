"""What single events do, and that the live mapping of till lines is the one of the batch."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import silver
from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.feeds import DISPOSITIONS
from inventory_assets.contracts.log_tables import VOIDED
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.stock.effects import EFFECTIVE_TYPES, Surroundings, assertions_of, effects_of
from inventory_assets.stock.movements import movements_of_pos
from inventory_assets_tests.contracts.events.requests import SALE, cloud_event, event_of

WMS = Surroundings(authority=lambda location, _at: "wms" if location == "WH-1" else "ledger")
PAIR = {"product_sku": "A", "location_id": "S"}


def test_every_type_that_is_a_fact_has_an_effect_and_no_other_but_the_one_that_takes_one_back():
    facts = {name for name, declared in TYPES.items() if declared.nature in {"fact", "fact or command"}}
    assert facts - {VOIDED} == EFFECTIVE_TYPES


def test_the_retail_types_that_move_stock_are_the_sale_and_the_truck_with_lines():
    moving = {
        name
        for name in ("receipt_created", "receipt_line_added", "payment_processed", "inventory_updated", "truck_arrived")
        if effects_of(event_of(cloud_event(name, TYPES[name].examples[1])))
    }
    assert moving == {"receipt_line_added", "truck_arrived"}


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 50).flatmap(lambda units: st.sampled_from([units, -units])),
    st.sampled_from(DISPOSITIONS),
    st.sampled_from([0, 5]),
)
def test_a_till_line_does_live_what_it_does_in_silver(units, disposition, price):
    data = {**SALE, "quantity": units, "disposition": disposition, "unit_price": price}
    (effect,) = effects_of(event_of(cloud_event("receipt_line_added", data)))
    table = silver.RETURNS if units < 0 else silver.GIVEN_AWAY if price == 0 else silver.SALES
    tables = {each: pl.DataFrame(schema=polars_schema(each)) for each in _POS}
    row = {"quantity_sold": units, "disposition": disposition, "product_sku": "PROD-ABC123", "store_id": "STORE-001"}
    row |= {"timestamp": datetime(2024, 1, 15, tzinfo=UTC), "event_date": date(2024, 1, 15)}
    schema = polars_schema(table)
    tables[table] = pl.DataFrame([{name: row.get(name) for name in schema}], schema=schema)
    (moved,) = movements_of_pos(*tables.values()).to_dicts()
    assert (effect.kind, effect.quantity, effect.unavailable) == (
        moved["kind"],
        moved["quantity"],
        moved["unavailable"],
    )
    assert effect.pair == (moved["product_sku"], moved["location_id"])


_POS = (silver.SALES, silver.RETURNS, silver.CANCELLATIONS, silver.GIVEN_AWAY, silver.STOCK_ADJUSTMENTS)


@pytest.mark.parametrize("name", ["stock.asserted", "inventory_updated", "inventory.updated"])
def test_an_assertion_counts_only_where_the_warehouse_system_has_authority(name):
    data = {**TYPES[name].examples[1]}
    data["storeId" if name == "inventory.updated" else "location_id"] = "WH-1"
    event = event_of(cloud_event(name, data))
    (stated,) = assertions_of(event)
    assert effects_of(event) == ()
    (effect,) = effects_of(event, WMS)
    assert (effect.kind, effect.quantity, effect.pair) == ("level", stated.quantity, (stated.item, stated.location))
    ours = event_of({**cloud_event(name, data), "source": "/inventory-assets"}, trusted=True)
    assert effects_of(ours, WMS) == ()


def test_an_assertion_without_a_level_says_nothing():
    event = event_of(cloud_event("inventory_updated", {**PAIR, "quantity_delta": -1, "reason": "SALE"}))
    assert (assertions_of(event), effects_of(event, WMS)) == ((), ())


def test_postage_moves_no_stock():
    goods = Surroundings(is_merchandise=lambda source, item: (source, item) != ("/stores/1", "POST"))
    sold = event_of(cloud_event("receipt_line_added", {**SALE, "product_sku": "post"}))
    assert effects_of(sold, goods) == ()
    assert len(effects_of(sold)) == 1


def test_commands_have_no_effect_of_their_own():
    for update in ("Decrement", "Increment"):
        data = {**PAIR, "quantity": 1, "update_type": update}
        effects = effects_of(event_of(cloud_event("InventoryUpdate", data, schemaversion="2")))
        assert len(effects) == (update == "Increment")


def test_an_update_lies_at_its_own_instant():
    data = {**PAIR, "quantity": 1, "update_type": "Absolute", "happened_at": "2024-01-14T00:00:00+01:00"}
    (effect,) = effects_of(event_of(cloud_event("InventoryUpdate", data, schemaversion="2")))
    assert (effect.at, effect.kind) == (datetime(2024, 1, 13, 23, tzinfo=UTC), "count")


@pytest.mark.parametrize(("arrived", "closes", "left"), [(10, None, 0), (8, None, 2), (8, 10, 0), (12, 10, 0)])
def test_short_and_over_receipts_close_what_they_say(arrived, closes, left):
    shipped = event_of(
        cloud_event(
            "transfer.shipped",
            {
                "transfer_id": "t",
                "from_location": "W",
                "to_location": "S",
                "lines": [{"product_sku": "A", "quantity": 10}],
            },
        )
    )
    line = {"product_sku": "A", "quantity": arrived, "unavailable": 1}
    if closes is not None:
        line["closes"] = closes
    received = event_of(cloud_event("transfer.received", {"transfer_id": "t", "to_location": "S", "lines": [line]}))
    effects = [*effects_of(shipped), *effects_of(received)]
    at_shop = [effect for effect in effects if effect.location == "S"]
    assert sum(effect.in_transit for effect in at_shop) == left
    assert sum(effect.quantity for effect in at_shop) == arrived
    assert sum(effect.unavailable for effect in at_shop) == 1
    assert sum(effect.quantity for effect in effects if effect.location == "W") == -10
