"""Which effects of events count: goods only, and levels only where a warehouse system had the say.

Rules are kept for good, each with the position of the log from which it holds. An event therefore always has the rules
of its sequence, whoever looks at it and whenever: a worker, a rebuild, an as-of read. Invariant: `Rules.at` and
`Rules.leave` leave the same effects (a test). Goods are told by the expressions of Polars on both ways.
"""

from __future__ import annotations

import functools
import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.contracts.schemas import INSTANT
from inventory_assets.contracts.sources import DEFAULT_SOURCE
from inventory_assets.stock.effects import ASSERTED, LEDGER_RULES, Surroundings

if TYPE_CHECKING:
    from inventory_assets.stock.effects import Authority

READ = "SELECT after_sequence, rule FROM live_rules ORDER BY after_sequence, version"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KNOWN_CODES = 100_000


@dataclass(frozen=True, slots=True)
class Ruled:
    """A stretch of time in which a warehouse system has the say at a location.

    Attributes:
        location: the location.
        since: first instant in microseconds since 1970, None for always.
        until: first instant after it, None for still.
    """

    location: str
    since: int | None
    until: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts from a position of the log on.

    Attributes:
        goods: expression of codes that are goods by source, None for all of them; `default` for sources not named.
        ruled: where a warehouse system has the say, and when.
    """

    goods: Mapping[str, str | None]
    ruled: tuple[Ruled, ...]

    def pattern(self, source: str) -> str | None:
        """Expression of a source's codes that are goods, None for all; what this service decided is about goods."""
        return None if source == SERVICE_SOURCE else self.goods.get(source, self.goods.get(DEFAULT_SOURCE))

    def surroundings(self) -> Surroundings:
        """The rule for effects one by one."""
        stretches: dict[str, list[Ruled]] = {}
        for each in self.ruled:
            stretches.setdefault(each.location, []).append(each)

        def authority(location: str, at: datetime) -> Authority:
            found = stretches.get(location)
            if found is None:
                return "ledger"
            instant = (at - _EPOCH) // _MICROSECOND
            inside = any(
                (each.since is None or instant >= each.since) and (each.until is None or instant < each.until)
                for each in found
            )
            return "wms" if inside else "ledger"

        def is_merchandise(source: str, item: str) -> bool:
            pattern = self.pattern(source)
            return pattern is None or _matches(pattern, item)

        return Surroundings(authority, is_merchandise)

    def leave(self, effects: pl.DataFrame) -> pl.DataFrame:
        """Rows of effects that count, in any order."""
        goods = effects
        for source in effects["source_system"].unique():
            pattern = self.pattern(source)
            if pattern is not None:
                kept = (pl.col("source_system") != source) | pl.col("product_sku").str.contains(pattern)
                goods = goods.filter(kept)
        is_level = pl.col("kind") == ASSERTED
        stretches = pl.DataFrame(
            [(each.location, each.since, each.until) for each in self.ruled],
            schema={"location_id": pl.String, "_since": pl.Int64, "_until": pl.Int64},
            orient="row",
        ).with_columns(pl.col("_since", "_until").cast(INSTANT))
        at = pl.col("event_time")
        believed = (
            goods.filter(is_level)
            .join(stretches, on="location_id")
            .filter(
                pl.col("_since").is_null() | (at >= pl.col("_since")),
                pl.col("_until").is_null() | (at < pl.col("_until")),
            )
            .drop("_since", "_until")
        )
        return pl.concat([goods.filter(~is_level), believed])

    def text(self) -> str:
        """The rule as the database keeps it; equal rules have one text."""
        ordered = sorted(self.ruled, key=lambda each: (each.location, each.since is not None, each.since or 0))
        stretches = [[each.location, each.since, each.until] for each in ordered]
        return json.dumps({"goods": dict(sorted(self.goods.items())), "ruled": stretches}, separators=(",", ":"))


EVERYTHING_COUNTS = Rule({}, ())
"""Every code is goods and our ledger has the say everywhere: what holds before anything was published."""


@dataclass(frozen=True)
class Rules:
    """Every rule there was.

    Attributes:
        after: position behind which each rule holds, ascending.
        rules: the rules.
    """

    after: tuple[int, ...] = ()
    rules: tuple[Rule, ...] = ()

    @functools.cached_property
    def _singly(self) -> tuple[Surroundings, ...]:
        return tuple(each.surroundings() for each in self.rules)

    def at(self, sequence: int) -> Surroundings:
        """The rule of an event."""
        place = bisect_left(self.after, sequence)
        return self._singly[place - 1] if place else LEDGER_RULES

    def leave(self, effects: pl.DataFrame) -> pl.DataFrame:
        """Rows that count.

        Args:
            effects: rows of `stock.effect_frames.EFFECTS` and sequence.
        """
        sequence = pl.col("sequence")
        first = self.after[0] if self.after else None
        parts = [EVERYTHING_COUNTS.leave(effects if first is None else effects.filter(sequence <= first))]
        for place, (after, rule) in enumerate(zip(self.after, self.rules, strict=True)):
            held = effects.filter(sequence > after)
            if place + 1 < len(self.after):
                held = held.filter(sequence <= self.after[place + 1])
            parts.append(rule.leave(held))
        return pl.concat(parts)


NO_RULES = Rules()
"""What holds where nothing was ever published."""


def rules_of(rows: Iterable[Any]) -> Rules:
    """Rules from the rows of `READ`."""
    return _rules(tuple((after, rule) for after, rule in rows))


def rule_of(text: str) -> Rule:
    """A rule from its text."""
    told = json.loads(text)
    return Rule(told["goods"], tuple(Ruled(*each) for each in told["ruled"]))


@functools.lru_cache(8)
def _rules(rows: tuple[tuple[int, str], ...]) -> Rules:
    return Rules(tuple(after for after, _ in rows), tuple(rule_of(text) for _, text in rows))


@functools.lru_cache(_KNOWN_CODES)
def _matches(pattern: str, item: str) -> bool:
    return bool(pl.Series([item]).str.contains(pattern)[0])
