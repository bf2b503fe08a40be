"""The books of a micro-batch: events are applied and commands decided one after the other on a working copy.

It starts from what was read of the state and ends with what has to be written: postings (rows of the ledger), accounts,
reservations, and the facts commands became. Nothing is stored here, and nothing is known of locks or transactions.
Invariant: any cut of the same facts into batches, in any order, gives the same accounts (a property test).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.admission import is_command
from inventory_assets.contracts.events.commands import Transaction
from inventory_assets.contracts.values import Value
from inventory_assets.stock.accounts import Account, Pair, apply_effect
from inventory_assets.stock.deciding import EVERYTHING_KNOWN, Known, decide
from inventory_assets.stock.effects import LEDGER_RULES, Effect, Surroundings, effects_of
from inventory_assets.stock.reservations import Reservation, told

if TYPE_CHECKING:
    from inventory_assets.contracts.events.reading import Event
    from inventory_assets.stock.rules import Count

LedgerSum = Callable[[Pair, "Count"], int]
"""Σ quantity of the movements of a pair in the ledger that a count does not absorb."""


class Posting(Value, frozen=True):
    """One effect with the account before and after it: a row of the ledger."""

    effect: Effect
    before: Account
    after: Account


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one event.

    Attributes:
        postings: rows of the ledger, of the event itself or of the facts it became.
        facts: facts a command became, to be appended to the log.
    """

    postings: tuple[Posting, ...] = ()
    facts: tuple[Event, ...] = ()


@dataclass
class Books:
    """Accounts and reservations while a batch is applied.

    Attributes:
        accounts: accounts of the pairs concerned; one that is missing is unknown.
        reservations: reservations concerned, by number.
        ledger: asked about movements of earlier batches when a count arrives late.
        surroundings: authority and merchandise.
        known: masters, permissions, taken transaction numbers.
    """

    accounts: dict[Pair, Account]
    reservations: dict[str, Reservation]
    ledger: LedgerSum
    surroundings: Surroundings = LEDGER_RULES
    known: Known = EVERYTHING_KNOWN
    _moved: dict[Pair, list[Effect]] = field(default_factory=dict)
    _taken: set[tuple[str, str]] = field(default_factory=set)
    _replaced: list[tuple[dict[Any, Any], Any, Any]] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        accounts: Mapping[Pair, Account],
        reservations: Mapping[str, Reservation],
        ledger: LedgerSum,
        surroundings: Surroundings = LEDGER_RULES,
        known: Known = EVERYTHING_KNOWN,
    ) -> Books:
        """Books on a copy of what was read."""
        return cls(dict(accounts), dict(reservations), ledger, surroundings, known)

    def enter(self, event: Event, at: datetime) -> Outcome:
        """Apply a fact, or decide a command and apply what it became; an error leaves the books as they were.

        Args:
            event: the event, not entered before.
            at: instant of the decision.
        """
        if not is_command(event):
            postings = self._entered(self._apply(event))
            self._take_number(event)
            return Outcome(postings)
        facts = decide(event, self.accounts, self.reservations, at, self._known())
        postings = self._entered(posting for fact in facts for posting in self._apply(fact))
        if any(fact.envelope.type in {"stock.issued", "stock.transferred"} for fact in facts):
            self._take_number(event)
        return Outcome(postings, facts)

    def enter_effects(self, effects: Iterable[Effect]) -> tuple[Posting, ...]:
        """Apply effects of a fact that were kept with it; an error leaves the books as they were.

        Args:
            effects: those that count (`effects.permitted`), not entered before.
        """
        return self._entered(self._post(effects))

    def tell(self, fact: Event) -> None:
        """Note what a fact says about a reservation; its effects are entered apart."""
        reservation = told(self.reservations, fact)
        if reservation is not None:
            self._replaced.append((self.reservations, reservation.id, self.reservations.get(reservation.id)))
            self.reservations[reservation.id] = reservation

    def take_number(self, source: str, transaction: str) -> None:
        """Remember that a sender's transaction number is taken."""
        self._taken.add((source, transaction))

    @property
    def taken(self) -> frozenset[tuple[str, str]]:
        """Transaction numbers taken by what was entered, each with its sender."""
        return frozenset(self._taken)

    def _apply(self, fact: Event) -> Iterable[Posting]:
        self.tell(fact)
        yield from self._post(effects_of(fact, self.surroundings))

    def _post(self, effects: Iterable[Effect]) -> Iterable[Posting]:
        for effect in effects:
            held = self.accounts.get(effect.pair)
            before = held or Account()
            after = apply_effect(before, effect, lambda count, pair=effect.pair: self._net_after(pair, count))
            self._replaced.append((self.accounts, effect.pair, held))
            self.accounts[effect.pair] = after
            yield Posting(effect, before, after)

    def _entered(self, postings: Iterable[Posting]) -> tuple[Posting, ...]:
        """All postings of one event, or the books as they were before it."""
        self._replaced.clear()
        try:
            entered = tuple(postings)
        except BaseException:
            for table, key, before in reversed(self._replaced):
                if before is None:
                    del table[key]
                else:
                    table[key] = before
            raise
        for posting in entered:
            if posting.effect.is_movement:
                self._moved.setdefault(posting.effect.pair, []).append(posting.effect)
        return entered

    def _net_after(self, pair: Pair, count: Count) -> int:
        here = sum(each.quantity for each in self._moved.get(pair, ()) if not count.absorbs(each.at))
        return self.ledger(pair, count) + here

    def _take_number(self, event: Event) -> None:
        if isinstance(event.payload, Transaction):
            self._taken.add((event.envelope.source, event.payload.transaction_id))

    def _known(self) -> Known:
        known = self.known
        return Known(
            known.item,
            known.location,
            known.permitted,
            lambda source, number: (source, number) in self._taken or known.transaction_taken(source, number),
        )
