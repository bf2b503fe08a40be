"""The life cycle of a supplier order line, as data: its states, the words producers use for them, what each means.

How a line's state follows from its reports is not here (`medallion.supplier_orders`). A source whose words differ names
them in its profile (`order_states` in sources.toml); a word nobody mapped is never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

StateName = Literal[
    "proposed", "approved", "sent", "confirmed", "shipped", "partly_received", "received", "closed", "cancelled"
]
Stage = Literal["before", "ordered", "over"]
"""Not ordered yet; ordered and something is still to come; nothing is to come any more."""

UNRECOGNISED = "unrecognised"
"""State of a line whose last word is in no list."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """One state.

    Attributes:
        name: its name in the tables.
        stage: where it stands in the life cycle; only `ordered` lines count as on order.
        meaning: what it says, for people.
        words: words of producers, in the form of `plain_word`.
    """

    name: StateName
    stage: Stage
    meaning: str
    words: tuple[str, ...]


ORDER_STATES: tuple[OrderState, ...] = (
    OrderState("proposed", "before", "Somebody suggests to order.", ("proposed", "suggested", "draft", "planned")),
    OrderState("approved", "before", "May be ordered.", ("approved", "authorised", "authorized")),
    OrderState("sent", "ordered", "The supplier has the order.", ("sent", "ordered", "placed", "submitted", "open")),
    OrderState("confirmed", "ordered", "The supplier will deliver.", ("confirmed", "acknowledged", "accepted")),
    OrderState("shipped", "ordered", "The goods left the supplier.", ("shipped", "dispatched", "in transit")),
    OrderState(
        "partly_received",
        "ordered",
        "Some units arrived, others are to come.",
        ("partly received", "partially received", "part received", "partial", "backordered"),
    ),
    OrderState("received", "over", "Everything that was to come is there.", ("received", "delivered", "arrived")),
    OrderState("closed", "over", "Done, whatever arrived.", ("closed", "completed", "complete")),
    OrderState("cancelled", "over", "Will not be delivered.", ("cancelled", "canceled", "rejected")),
)
"""Every state, in the order of the life cycle."""

STAGES: dict[str, Stage] = {state.name: state.stage for state in ORDER_STATES}
WORDS: dict[str, StateName] = {word: state.name for state in ORDER_STATES for word in state.words}

OPEN_STATES = (*(state.name for state in ORDER_STATES if state.stage != "over"), UNRECOGNISED)
"""States a line may have while it is open."""

EXPECTED_FROM = ("promised", "lead_time", "unknown")
"""Where the expected date of a line comes from: the supplier's promise; order date and mean lead time; nowhere."""

COUNTS_AS = ("on_order", "neither")
"""What an open line adds to. `in_transit` is not among them: that is the word for transfers between our locations, and
goods a supplier has shipped stay on order until they are received."""

NOT_COUNTED: dict[str, str] = {
    "not_ordered_yet": "The line is proposed or approved; the supplier does not have it.",
    "overdue": "The expected day has passed by more than the setting `orders.stop_counting_after_days`.",
    "state_unknown": "The last word for its state is in no list; name it in `order_states` of the source's profile.",
    "quantity_unknown": "Some units arrived, and no report and no receipt says how many.",
    "no_destination": "No report says where the goods go.",
}
"""Why an open line does not count, the first that holds decides. The last three leave what is on order unknown."""

LEAVE_UNKNOWN = ("state_unknown", "quantity_unknown", "no_destination")


def plain_word(word: str) -> str:
    """A producer's word in comparable form: lower case, one space between its parts."""
    return re.sub(r"[\s_\-]+", " ", word.strip().lower())
