"""Events applied one by one, in any order, cut and repetition, come to what the frame and a plain model say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_assets.stock.books import Books, Posting
from inventory_assets.stock.effect_frames import effects_frame, fold_effects
from inventory_assets.stock.effects import effects_of
from inventory_assets_tests.stock.event_histories import Told, model, stories
from inventory_assets_tests.stock.histories import EPOCH, as_model

if TYPE_CHECKING:
    import polars as pl

    from inventory_assets.contracts.events.reading import Event
    from inventory_assets.stock.accounts import Account

few = settings(max_examples=40, deadline=None)
AT = EPOCH + timedelta(days=100)


def frame_of(told: list[Told]) -> pl.DataFrame:
    return fold_effects(effects_frame(effect for each in told for effect in effects_of(each.event)))


def figures(frame: pl.DataFrame) -> dict[tuple[str, str], dict]:
    books = as_model(frame)
    return {
        pair: {**books[pair], "reserved": row["reserved"], "in_transit": row["in_transit"], "version": row["version"]}
        for row in frame.to_dicts()
        for pair in [(row["product_sku"], row["location_id"])]
    }


class Live:
    """A processor without a database: batches, the ledger they leave, and ids seen before."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], Account] = {}
        self.reservations: dict = {}
        self.ledger: list[Posting] = []
        self.facts: list[Event] = []
        self._seen: set[tuple[str, str]] = set()

    def moved_since(self, pair, count) -> int:
        return sum(
            posting.effect.quantity
            for posting in self.ledger
            if posting.effect.pair == pair and posting.effect.is_movement and not count.absorbs(posting.effect.at)
        )

    def batch(self, events: list[Event], at=AT) -> list[Event]:
        books = Books.open(self.accounts, self.reservations, self.moved_since)
        postings: list[Posting] = []
        decided: list[Event] = []
        for event in events:
            if event.envelope.key in self._seen:
                continue
            self._seen.add(event.envelope.key)
            outcome = books.enter(event, at)
            postings += outcome.postings
            decided += outcome.facts
        self.accounts, self.reservations = books.accounts, books.reservations
        self.ledger += postings
        self.facts += decided
        return decided

    def figures(self) -> dict[tuple[str, str], dict]:
        return {
            pair: {
                "book": account.stock.book,
                "held": account.stock.net_unavailable,
                "basis": account.stock.basis,
                "known": account.stock.first_known_at,
                "counted_at": account.stock.count and account.stock.count.at,
                "moved": account.stock.last_movement_at,
                "reserved": account.reserved,
                "in_transit": account.in_transit,
                "version": account.version,
            }
            for pair, account in self.accounts.items()
        }


@few
@given(stories(), st.randoms(use_true_random=False))
def test_the_frame_says_what_the_plain_model_says_in_any_order_with_any_repeat(told, random):
    expected = model(told)
    assert figures(frame_of(told)) == expected
    repeated = [*told, *random.choices(told, k=3)] if told else []
    assert_frame_equal(frame_of(random.sample(repeated, len(repeated))), frame_of(told))


@settings(max_examples=100, deadline=None)
@given(stories(max_size=20), st.randoms(use_true_random=False), st.integers(1, 7))
def test_one_by_one_in_any_order_cut_and_repetition_equals_the_frame(told, random, size):
    repeated = [*told, *random.choices(told, k=5)] if told else []
    arrived = [each.event for each in random.sample(repeated, len(repeated))]
    live = Live()
    while arrived:
        live.batch(arrived[:size])
        arrived = arrived[size:]
    assert live.figures() == figures(frame_of(told)) == model(told)


@few
@given(stories())
def test_an_event_has_one_effect_a_pair_and_says_where_it_comes_from(told):
    for each in told:
        effects = effects_of(each.event)
        assert len({effect.pair for effect in effects}) == len(effects) == len(each.rows)
        assert {(effect.source, effect.event_id) for effect in effects} <= {each.event.envelope.key}


def test_no_effect_leaves_no_account():
    assert fold_effects(effects_frame([])).is_empty()
