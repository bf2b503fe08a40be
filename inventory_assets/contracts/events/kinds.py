"""What is declared about a type of event, and short ways to declare one.

The declarations stand in `catalogue_stock` and `catalogue_life`, all of them together in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inventory_assets.contracts.events.fields import Payload

Nature = Literal["fact", "command", "fact or command", "news"]
"""A fact moves stock and is never refused, a command may be; news is stored and forwarded."""
Category = Literal["domain", "integration", "system", "notification"]
Sender = Literal["anyone", "this service"]
Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event.

    Attributes:
        name: value of the envelope's `type`.
        nature: see `Nature`.
        category: kind of event in the sense of C2.
        sender: who may send it; types of this service are refused from outside.
        meaning: what happened or is asked for, in a sentence.
        effect: what it does to stock, in a sentence.
        versions: model of each version's data; the highest one is current.
        examples: data of each version, as it goes over the wire.
        upcasters: function from a version's data to the next version's.
        aliases: other names senders use.
    """

    name: str
    nature: Nature
    category: Category
    sender: Sender
    meaning: str
    effect: str
    versions: Mapping[int, type[Payload]]
    examples: Mapping[int, Mapping[str, Any]]
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def current(self) -> int:
        """Newest version."""
        return max(self.versions)

    @property
    def moves_stock(self) -> bool:
        """Whether it may change or state stock: such an event is never filtered."""
        return self.nature != "news"


NOTHING = "none"


def fact(name: str, model: type[Payload], effect: str, example: Mapping[str, Any], **more: Any) -> EventType:  # noqa: ANN401 - options of `simple`
    """A fact with one version, described by its model."""
    return simple(name, model, "fact", effect, example, **more)


def news(name: str, model: type[Payload], example: Mapping[str, Any], **more: Any) -> EventType:  # noqa: ANN401 - options of `simple`
    """News with one version, described by its model."""
    return simple(name, model, "news", NOTHING, example, **more)


def simple(
    name: str,
    model: type[Payload],
    nature: Nature,
    effect: str,
    example: Mapping[str, Any],
    *,
    category: Category = "domain",
    sender: Sender = "anyone",
    aliases: tuple[str, ...] = (),
) -> EventType:
    """A type with one version, described by its model."""
    meaning = " ".join((model.__doc__ or "").split())
    return EventType(name, nature, category, sender, meaning, effect, {1: model}, {1: example}, aliases=aliases)
