"""What others are told of a micro-batch: the net change of each pair, thresholds crossed, transactions, decisions.

The events are those of `stock.notices`; here they become rows of the outbox. A pair whose stock changed several times
in one micro-batch is told of once, from what it was before to what it is after; the ledger has every movement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.wire import dumps
from inventory_assets.contracts.events.writing import structured_event
from inventory_assets.live.log.entries import copy_text
from inventory_assets.stock.books import Posting
from inventory_assets.stock.notices import changes, crossings, transaction

if TYPE_CHECKING:
    from inventory_assets.contracts.events.reading import Event
    from inventory_assets.live.processor.state_rows import StateRow
    from inventory_assets.live.processor.work import Entered, Masters
    from inventory_assets.stock.accounts import Pair

COLUMNS = ("sequence", "type", "item", "location", "created_at", "data")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row of the outbox without its sequence.

    Attributes:
        entered: index of what it came from.
        fact: which of its facts it belongs to; None for the event itself.
        text: the rest of the row, as COPY takes it.
    """

    entered: int
    fact: int | None
    text: str


def outbox_rows(entered: list[Entered], after: dict[Pair, StateRow], masters: Masters, at: datetime) -> list[OutboxRow]:
    """Rows of the outbox; what is told of thresholds is noted in the rows of the state.

    Args:
        entered: what came of the parts, in order.
        after: rows of the state that are written, by pair.
        masters: thresholds and positions.
        at: when it was applied.
    """
    rows: list[OutboxRow] = []
    created_at = at.astimezone(UTC).isoformat()
    net: dict[Pair, tuple[int, Posting]] = {}
    for index, each in enumerate(entered):
        for posting in each.postings:
            pair = posting.effect.pair
            first = net.get(pair)
            net[pair] = index, (posting if first is None else Posting(posting.effect, first[1].before, posting.after))
            if each.type == "Transaction":
                rows += _rows(index, None, transaction(posting, each.cause, at), pair, created_at)
        for number, fact in enumerate(each.facts):
            rows += _rows(index, number, (fact,), fact.envelope.pair, created_at)
    for pair, (index, posting) in net.items():
        cause, state = entered[index].cause, after[pair]
        rows += _rows(index, None, changes(posting, cause, at), pair, created_at)
        position = masters.position(pair, posting.after)
        state.told, crossed = crossings(posting, cause, at, state.told, masters.thresholds(pair), position)
        rows += _rows(index, None, crossed, pair, created_at)
    return rows


def _rows(
    index: int, fact: int | None, events: Iterable[Event], pair: Pair | None, created_at: str
) -> Iterable[OutboxRow]:
    item, location = ("\\N", "\\N") if pair is None else (copy_text(pair[0]), copy_text(pair[1]))
    for event in events:
        data = copy_text(dumps(structured_event(event.envelope)))
        yield OutboxRow(index, fact, "\t".join((copy_text(event.envelope.type), item, location, created_at, data)))
