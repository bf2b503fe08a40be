"""Others are told once per crossing, and of nothing while stock is unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.stock.books import Books, Posting
from inventory_assets.stock.notices import NOTHING_TOLD, Thresholds, changes, crossings
from inventory_assets_tests.contracts.events.requests import NOW, cloud_event, event_of

PAIR = {"product_sku": "A", "location_id": "S/1"}


class Shelf:
    """One item at one place, with what was told of it."""

    def __init__(self, **thresholds: int) -> None:
        self.books = Books.open({}, {}, lambda _pair, _count: 0)
        self.thresholds = Thresholds(**thresholds)
        self.told = NOTHING_TOLD
        self.number = 0

    def move(self, name: str, position: int | None = None, **data: object) -> list[str]:
        self.number += 1
        at = NOW + timedelta(seconds=self.number)
        event = event_of(cloud_event(name, {**PAIR, **data}, id=f"e-{self.number}", time=at.isoformat()))
        (posting,) = self.books.enter(event, at).postings
        self.told, crossed = crossings(posting, event, at, self.told, self.thresholds, position)
        told = [*changes(posting, event, at), *crossed]
        assert all(read_payload(each.envelope) == each.payload for each in told)
        assert {each.envelope.causation_id for each in told} <= {event.envelope.id}
        assert len({each.envelope.id for each in told}) == len(told)
        return [each.envelope.type for each in told]

    def adjust(self, quantity: int, position: int | None = None) -> list[str]:
        return self.move("StockAdjustment", position, quantity=quantity, reason_code="x")

    def count(self, quantity: int) -> list[str]:
        return self.move("rfid.read", reader_id="r", quantity=quantity)


def test_nothing_is_told_of_unknown_stock():
    shelf = Shelf()
    assert shelf.adjust(-9) == []
    assert shelf.count(50) == ["inventory.updated"]


def test_low_and_out_are_told_once_and_again_after_a_pack():
    shelf = Shelf(low=5, pack=6)
    shelf.count(7)
    assert shelf.adjust(-2) == ["inventory.updated", "stock.low"]
    assert shelf.adjust(-1) == ["inventory.updated"]
    assert shelf.adjust(-4) == ["inventory.updated", "stockout.detected"]
    assert shelf.adjust(6)[0] == "inventory.updated"
    assert shelf.adjust(-6)[1:] == ["stock.large_change"]
    assert shelf.adjust(12)[1:] == ["stock.large_change"]
    assert shelf.adjust(-12)[2:] == ["stock.low", "stockout.detected"]


def test_units_that_were_not_on_record_are_told_though_nothing_was_left_before():
    shelf = Shelf()
    shelf.count(0)
    assert shelf.adjust(-3) == ["stockout.detected"]
    assert shelf.adjust(-3) == []


def test_overstock_and_reorder_have_their_own_thresholds():
    shelf = Shelf(maximum=100, reorder_point=20, pack=10)
    shelf.count(100)
    assert "stock.overstock" in shelf.adjust(1)
    assert "stock.overstock" not in shelf.adjust(1)
    shelf.adjust(-7)
    assert "stock.overstock" not in shelf.adjust(6)
    shelf.adjust(-12)
    assert "stock.overstock" in shelf.adjust(12)
    assert "reorder.triggered" in shelf.adjust(-1, position=20)
    assert "reorder.triggered" not in shelf.adjust(-1, position=30)
    assert "reorder.triggered" not in shelf.adjust(-1)
    assert "reorder.triggered" not in shelf.adjust(-1, position=31)
    assert "reorder.triggered" in shelf.adjust(-1, position=20)


@pytest.mark.parametrize(
    ("before", "change", "large"), [(100, -20, False), (100, -21, True), (10, 4, False), (0, 5, True), (20, 5, True)]
)
def test_a_change_is_large_above_a_fifth_and_from_five_units_on(before, change, large):
    shelf = Shelf()
    shelf.count(before)
    assert ("stock.large_change" in shelf.adjust(change)) == large


def test_a_posting_that_moves_nothing_tells_nothing():
    shelf = Shelf()
    shelf.count(5)
    event = event_of(cloud_event("stock.held", {**PAIR, "quantity": 1}))
    (posting,) = shelf.books.enter(event, NOW).postings
    assert isinstance(posting, Posting)
    assert changes(posting, event, NOW) == ()
