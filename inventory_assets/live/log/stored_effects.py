"""Effects of an event as the log keeps them beside it: a JSON list of objects, absent members 0 or empty.

Reading the payload of an event costs ten times what reading this does; it is computed once, when the event is taken.
Which of them count (authority, merchandise) is decided by who reads them (`stock.effects.permitted`).
Invariant: `read(written(effects), *key)` are the effects of the event of that key, `frame` the same as rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii as _text
from typing import TYPE_CHECKING

from inventory_assets.stock.effects import Effect

if TYPE_CHECKING:
    import polars as pl

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBERS = ("quantity", "unavailable", "reserved", "in_transit", "line")


def written(effects: Iterable[Effect]) -> str:
    """Effects of one event as text; source and id stand in the event's own row."""
    return f"[{','.join(map(_object, effects))}]"


def read(text: str, source: str, event_id: str) -> list[Effect]:
    """Effects of an event from their text.

    Args:
        text: see `written`.
        source: source of the event.
        event_id: its id.
    """
    if text == "[]":
        return []
    return [
        Effect(
            each["item"],
            each["location"],
            _BEGINNING + timedelta(microseconds=each["at"]),
            each["kind"],
            each.get("quantity", 0),
            each.get("unavailable", 0),
            each.get("reserved", 0),
            each.get("in_transit", 0),
            source,
            event_id,
            each.get("document", ""),
            each.get("line", 0),
        )
        for each in json.loads(text)
    ]


def frame(events: pl.DataFrame) -> pl.DataFrame:
    """Effects of many events as rows of `stock.effect_frames.EFFECTS`.

    Args:
        events: source, event_id and effects (text, null for commands) of rows of the log.
    """
    from inventory_assets.stock.effect_frames import effects_of_texts

    return effects_of_texts(events.rename({"source": "source_system"}))


def _object(effect: Effect) -> str:
    at = (effect.at - _BEGINNING) // _MICROSECOND
    numbers = "".join([f',"{name}":{number}' for name in _NUMBERS if (number := getattr(effect, name))])
    document = f',"document":{_text(effect.document)}' if effect.document else ""
    return (
        f'{{"item":{_text(effect.item)},"location":{_text(effect.location)},"at":{at},"kind":{_text(effect.kind)}'
        f"{numbers}{document}}}"
    )
