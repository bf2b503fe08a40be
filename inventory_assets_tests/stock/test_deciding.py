"""Commands are carried out as a whole or refused with a reason; what they became folds like any fact."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, derived_id
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.events.wire import dumps, loads
from inventory_assets.stock.accounts import Account
from inventory_assets.stock.books import Books
from inventory_assets.stock.deciding import Known, NotACommandError, decide, expired
from inventory_assets.stock.effect_frames import effects_frame, fold_effects
from inventory_assets.stock.effects import effects_of
from inventory_assets.stock.rules import Count, Stock
from inventory_assets_tests.contracts.events.requests import NOW, cloud_event, event_of
from inventory_assets_tests.stock.event_histories import facts
from inventory_assets_tests.stock.test_event_folds import Live, figures

S, W = "S", "W"


def account(book: int, reserved: int = 0, unavailable: int = 0) -> Account:
    stock = Stock(Count(NOW - timedelta(days=1), book), net_unavailable=unavailable)
    return Account(stock, reserved)


def line(item: str, quantity: int) -> dict:
    return {"product_sku": item, "quantity": quantity}


def issue(*lines: dict, id: str = "c-1", number: str = "t-1"):  # noqa: A002 - the attribute's name
    data = {"transaction_id": number, "type": "Issue", "from_location": S, "lines": list(lines)}
    return event_of(cloud_event("Transaction", data, schemaversion="2", id=id))


def transfer(*lines: dict):
    data = {"transaction_id": "t-1", "type": "Transfer", "from_location": S, "to_location": W, "lines": list(lines)}
    return event_of(cloud_event("Transaction", data, schemaversion="2"))


def reserve(*lines: dict, number: str = "r-1", **more: object):
    data = {"reservation_id": number, "location_id": S, "lines": list(lines), **more}
    return event_of(cloud_event("stock.reserve", data, id=f"reserve-{number}"))


def ending(kind: str, number: str = "r-1"):
    return event_of(cloud_event(f"reservation.{kind}", {"reservation_id": number}, id=f"{kind}-{number}"))


def books(**accounts: Account) -> Books:
    return Books.open({(item, S): each for item, each in accounts.items()}, {}, lambda _pair, _count: 0)


def reasons(facts) -> list[str]:
    return [fact.payload.reason for fact in facts if fact.envelope.type == "command.refused"]


def test_an_issue_that_is_covered_becomes_a_fact_that_names_its_cause():
    command = issue(line("A", 2), line("B", 1))
    (fact,) = decide(command, {("A", S): account(2), ("B", S): account(5)}, {}, NOW)
    sent = fact.envelope
    assert (sent.type, sent.source, sent.time) == ("stock.issued", SERVICE_SOURCE, NOW)
    assert sent.id == derived_id(command.envelope.key, 0)
    assert (sent.causation_id, sent.correlation_id) == ("c-1", "c-1")
    assert [(effect.pair, effect.quantity) for effect in effects_of(fact)] == [(("A", S), -2), (("B", S), -1)]


def test_commands_of_two_sources_with_one_id_become_different_facts():
    stock = {("A", S): account(9)}
    one = issue(line("A", 1))
    data = one.envelope.data
    two = event_of(cloud_event("Transaction", data, schemaversion="2", id="c-1", source="/other"))
    assert decide(one, stock, {}, NOW)[0].envelope.id != decide(two, stock, {}, NOW)[0].envelope.id


def test_unknown_stock_is_refused_and_not_taken_for_zero():
    (fact,) = decide(issue(line("A", 1)), {("A", S): Account(reserved=-5)}, {}, NOW)
    (refused,) = fact.payload.lines
    assert (fact.payload.reason, refused.reason, refused.available) == ("stock_unknown", "stock_unknown", None)
    assert effects_of(fact) == ()


def test_all_or_nothing_names_every_line_in_the_way():
    stock = {("A", S): account(1), ("B", S): account(9), ("C", S): account(9, reserved=3, unavailable=5)}
    (fact,) = decide(issue(line("A", 2), line("B", 1), line("C", 2)), stock, {}, NOW)
    assert [(each.product_sku, each.wanted, each.available) for each in fact.payload.lines] == [
        ("A", 2, 1),
        ("C", 2, 1),
    ]
    assert fact.payload.reason == "insufficient"
    assert "A at S: 2 wanted, 1 available" in fact.payload.detail


def test_two_lines_of_one_item_are_checked_together():
    stock = {("A", S): account(3)}
    assert reasons(decide(issue(line("A", 2), line("a", 2)), stock, {}, NOW)) == ["insufficient"]
    assert reasons(decide(issue(line("A", 2), line("a", 1)), stock, {}, NOW)) == []
    assert reasons(decide(transfer(line("A", 2), line("A", 2)), stock, {}, NOW)) == ["insufficient"]
    assert reasons(decide(reserve(line("A", 2), line("A", 2)), stock, {}, NOW)) == ["insufficient"]


def test_many_lines_of_ten_million_units_are_refused_and_not_a_crash():
    assert reasons(decide(issue(*[line("A", 10_000_000)] * 1000), {("A", S): account(5)}, {}, NOW)) == ["insufficient"]


def test_a_transfer_moves_both_sides_or_neither():
    stock = {("A", S): account(5)}
    (fact,) = decide(transfer(line("A", 5)), stock, {}, NOW)
    assert {effect.pair: effect.quantity for effect in effects_of(fact)} == {("A", S): -5, ("A", W): 5}
    assert reasons(decide(transfer(line("A", 6)), stock, {}, NOW)) == ["insufficient"]
    nowhere = Known(location=lambda location: location != W)
    assert reasons(decide(transfer(line("A", 5)), stock, {}, NOW, nowhere)) == ["location_unknown"]


def test_masters_permission_and_number_come_before_stock():
    stock = {("A", S): account(5)}
    command = issue(line("A", 1))
    assert reasons(decide(command, stock, {}, NOW, Known(item=lambda _item: False))) == ["item_unknown"]
    assert reasons(decide(command, stock, {}, NOW, Known(permitted=lambda _event: False))) == ["not_permitted"]
    taken = Known(transaction_taken=lambda source, number: (source, number) == ("/stores/1", "t-1"))
    assert reasons(decide(command, stock, {}, NOW, taken)) == ["duplicate_transaction"]


def test_a_transaction_number_is_taken_once_within_a_batch_but_a_refused_one_may_be_tried_again():
    open_books = books(A=account(5))
    assert reasons(open_books.enter(issue(line("A", 9), id="c-1"), NOW).facts) == ["insufficient"]
    assert reasons(open_books.enter(issue(line("A", 2), id="c-2"), NOW).facts) == []
    assert reasons(open_books.enter(issue(line("A", 2), id="c-3"), NOW).facts) == ["duplicate_transaction"]
    assert open_books.accounts["A", S].stock.book == 3


def test_a_decrement_is_a_command_and_of_nothing_becomes_nothing():
    def decrement(quantity: int):
        data = {"ItemNumber": "A", "Quantity": quantity, "UpdateType": "Decrement", "location_id": S}
        return decide(event_of(cloud_event("InventoryUpdate", data)), {("A", S): account(3)}, {}, NOW)

    assert [fact.envelope.type for fact in decrement(3)] == ["stock.issued"]
    assert reasons(decrement(4)) == ["insufficient"]
    assert decrement(0) == ()


def test_a_fact_is_never_decided():
    with pytest.raises(NotACommandError, match="is no command"):
        decide(event_of(cloud_event("custom", {})), {}, {}, NOW)


def test_a_reservation_holds_units_until_it_is_sold():
    here = books(A=account(5))
    (held,) = here.enter(reserve(line("A", 3)), NOW).facts
    assert held.payload.expires_at == NOW + timedelta(minutes=30)
    assert (here.accounts["A", S].on_hand, here.accounts["A", S].available) == (5, 2)
    assert reasons(here.enter(issue(line("A", 3)), NOW).facts) == ["insufficient"]
    assert reasons(here.enter(reserve(line("A", 1)), NOW).facts) == ["reservation_exists"]
    (sold,) = here.enter(ending("commit"), NOW + timedelta(minutes=29)).facts
    assert sold.envelope.type == "reservation.committed"
    assert (here.accounts["A", S].on_hand, here.accounts["A", S].reserved, here.accounts["A", S].available) == (2, 0, 2)
    assert reasons(here.enter(ending("commit"), NOW).facts) == ["reservation_committed"]
    assert here.enter(ending("release"), NOW).facts == ()


def test_a_reservation_that_is_given_back_frees_its_units_even_when_stock_is_gone():
    here = books(A=account(5))
    here.enter(reserve(line("A", 5)), NOW)
    here.enter(event_of(cloud_event("stock.counted", {"location_id": S, "lines": [line("A", 0)]})), NOW)
    assert here.accounts["A", S].available == -5
    here.enter(ending("release"), NOW)
    assert here.accounts["A", S].available == 0
    assert reasons(here.enter(ending("commit"), NOW).facts) == ["reservation_released"]
    assert reasons(here.enter(ending("commit", "other"), NOW).facts) == ["reservation_unknown"]


def test_a_reservation_ends_at_its_instant_and_a_commit_afterwards_is_refused():
    here = books(A=account(5))
    here.enter(reserve(line("A", 3), expires_in_seconds=60), NOW)
    reservation = here.reservations["r-1"]
    assert expired(reservation, NOW + timedelta(seconds=59)) is None
    late = NOW + timedelta(seconds=60)
    over = expired(reservation, late)
    outcome = here.enter(ending("commit"), late)
    assert [fact.envelope.type for fact in outcome.facts] == ["reservation.expired", "command.refused"]
    assert outcome.facts[0].envelope.id == over.envelope.id
    assert reasons(outcome.facts) == ["reservation_expired"]
    assert (here.accounts["A", S].on_hand, here.accounts["A", S].reserved) == (5, 0)
    assert expired(here.reservations["r-1"], late) is None
    assert reasons(here.enter(ending("commit"), late).facts) == ["reservation_expired"]


def test_a_partial_reservation_takes_what_there_is():
    here = books(A=account(5), B=account(0))
    (held,) = here.enter(reserve(line("A", 4), line("B", 1), line("A", 4), partial=True), NOW).facts
    assert [(each.product_sku, each.quantity) for each in held.payload.lines] == [("A", 4), ("A", 1)]
    assert here.accounts["A", S].available == 0
    assert reasons(here.enter(reserve(line("A", 1), number="r-2", partial=True), NOW).facts) == ["insufficient"]
    unknown = here.enter(reserve(line("B", 1), line("Z", 1), number="r-3", partial=True), NOW)
    assert reasons(unknown.facts) == ["insufficient"]
    assert [each.reason for each in unknown.facts[0].payload.lines] == ["insufficient", "stock_unknown"]


@st.composite
def commands(draw: st.DrawFn, number: int):
    """Any command about the pairs of `event_histories.facts`."""
    lines = [line(draw(st.sampled_from("ABa")), draw(st.integers(1, 12))) for _ in range(draw(st.integers(1, 3)))]
    place = draw(st.sampled_from(["east", "west"]))
    other = "west" if place == "east" else "east"
    reservation = f"r-{draw(st.integers(0, 3))}"
    kind = draw(st.sampled_from(["issue", "transfer", "reserve", "commit", "release", "decrement"]))
    moved = {"transaction_id": f"t-{number}", "from_location": place, "lines": lines}
    name, data = {
        "issue": ("Transaction", {**moved, "type": "Issue"}),
        "transfer": ("Transaction", {**moved, "type": "Transfer", "to_location": other}),
        "reserve": (
            "stock.reserve",
            {
                "reservation_id": reservation,
                "location_id": place,
                "lines": lines,
                "partial": draw(st.booleans()),
                "expires_in_seconds": draw(st.sampled_from([5, 3600])),
            },
        ),
        "commit": ("reservation.commit", {"reservation_id": reservation}),
        "release": ("reservation.release", {"reservation_id": reservation}),
        "decrement": ("InventoryUpdate", {**lines[0], "location_id": place, "update_type": "Decrement"}),
    }[kind]
    version = "2" if name in {"Transaction", "InventoryUpdate"} else "1"
    return event_of(cloud_event(name, data, id=f"c-{number}", schemaversion=version))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_what_commands_became_folds_to_the_live_state_in_any_order(data, size, random):
    """Facts and decided facts, shuffled, fold to what live holds; no command leaves less than nothing available."""
    openings = [
        cloud_event("stock.opened", {"location_id": place, "lines": [line("A", 20), line("B", 3)]}, id=f"o-{place}")
        for place in ("east", "west")
    ]
    arrived = [event_of({**each, "time": "2024-01-01T00:00:00Z"}) for each in openings]
    for number in range(data.draw(st.integers(0, 12))):
        told = data.draw(facts(number)).event
        arrived.append(data.draw(commands(number)) if data.draw(st.booleans()) else told)
    live = Live()
    at = NOW + timedelta(days=200)
    log = [event for event in arrived if effects_of(event)]
    while arrived:
        for event in arrived[:size]:
            before = dict(live.accounts)
            for fact in live.batch([event], at):
                log.append(fact)
                assert read_payload(fact.envelope) == fact.payload
                assert loads(dumps(fact.envelope.data)) == fact.envelope.data
                if fact.envelope.type in {"stock.issued", "stock.transferred", "stock.reserved"}:
                    for effect in effects_of(fact):
                        if effect.quantity < 0 or effect.reserved > 0:
                            assert before[effect.pair].available >= -effect.quantity + effect.reserved
                            assert live.accounts[effect.pair].available >= 0
            at += timedelta(seconds=2)
        arrived = arrived[size:]
    shuffled = random.sample(log, len(log))
    frame = fold_effects(effects_frame(effect for event in shuffled for effect in effects_of(event)))
    assert figures(frame) == live.figures()
    assert len({fact.envelope.id for fact in live.facts}) == len(live.facts)
