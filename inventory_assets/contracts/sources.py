"""What we know of each source system: time zones, currency, code patterns, null tokens, rules of its till.

Profiles are values; `load_profiles` reads them from TOML text. The built-in file is `sources.toml` beside this module;
`sources.toml` in the data folder overrides and adds. It is the one visible place where anything is assumed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inventory_assets.contracts.orders import UNRECOGNISED, WORDS, StateName, plain_word

DEFAULT_SOURCE = "default"


class Assumptions(BaseModel):
    """Values the data does not hold. Empty by default: nothing is invented silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opening_quantity: int | None = Field(
        default=None, ge=0, description="Units assumed at each item × location at the start."
    )
    opening_date: date | None = Field(default=None, description="Business day at whose start these units are assumed.")
    location_type: Literal["store", "warehouse", "online"] | None = Field(
        default=None, description="Kind of all locations of a source whose data names none."
    )
    received_in_full: bool = Field(
        default=False,
        description="Lines that arrived are taken as received in full, where the data names one quantity only.",
    )
    nothing_on_order: bool = Field(
        default=False,
        description="Nothing is on order at the locations of its master that no supplier order names, where the data "
        "holds no orders at all.",
    )


class SourceProfile(BaseModel):
    """Contract of one source system.

    Attributes:
        time_zone: IANA zone of naive times and of business days.
        location_time_zones: zones of locations that differ.
        currency: ISO 4217 code where a row names none.
        merchandise_pattern: regular expression of item codes that are goods; None = all.
        adjustment_rule: how the till books corrections of stock.
        transaction_pattern: expected form of receipt numbers (quality score only).
        sku_pattern: expected form of item codes (quality score only).
        sku_max_length: longest item code (quality score only).
        null_tokens: column → texts that mean null; "*" holds for every column.
        earliest_date: business days before it go to quarantine.
        holidays: days of the source's holiday calendar.
        order_states: words of the source for the states of an order line, beside the usual ones.
        route: how its stock facts reach the live log: `stream` = it sends events, and files of it are re-deliveries;
            `file` = rows of its files are forwarded to the log.
        orders_complete: the source's supplier feed names every order of every location in its location master, so that
            a location it never names has none on order; otherwise that is unknown.
        assume: see `Assumptions`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = "UTC"
    location_time_zones: dict[str, str] = Field(default_factory=dict)
    currency: str = "USD"
    merchandise_pattern: str | None = None
    adjustment_rule: Literal["none", "price_zero_without_customer"] = "none"
    transaction_pattern: str | None = None
    sku_pattern: str | None = None
    sku_max_length: int | None = None
    null_tokens: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    earliest_date: date = date(2005, 1, 1)
    holidays: frozenset[date] = frozenset()
    order_states: dict[str, StateName] = Field(default_factory=dict)
    route: Literal["file", "stream"] = "file"
    orders_complete: bool = False
    assume: Assumptions = Assumptions()

    def zone_of(self, location: str | None) -> str:
        """IANA zone of a location."""
        return self.location_time_zones.get(location or "", self.time_zone)

    def order_state(self, word: str) -> str:
        """State of an order line for which the source uses this word; `UNRECOGNISED` for a word in no list."""
        plain = plain_word(word)
        own = {plain_word(name): state for name, state in self.order_states.items()}
        return own.get(plain) or WORDS.get(plain) or UNRECOGNISED


class Profiles:
    """Profiles by source system; a system without one has that of `default`."""

    def __init__(self, profiles: Mapping[str, SourceProfile]) -> None:
        """Keep profiles by name; `default` is added where it is missing."""
        self._profiles = {DEFAULT_SOURCE: SourceProfile(), **profiles}

    def __getitem__(self, source_system: str) -> SourceProfile:
        """Profile of a source system."""
        return self._profiles.get(source_system, self._profiles[DEFAULT_SOURCE])

    def __iter__(self):  # noqa: ANN204 - iterator of names
        """Names of the declared source systems."""
        return iter(self._profiles)


def load_profiles(*overrides: str) -> Profiles:
    """Profiles of the built-in file with TOML texts laid over it, the last one winning key by key, nested ones too.

    Raises:
        ValueError: a text is not TOML, or a profile has an unknown key or a bad value.
    """
    merged: dict[str, dict] = {}
    for text in (files("inventory_assets.contracts").joinpath("sources.toml").read_text("utf-8"), *overrides):
        for name, values in tomllib.loads(text).items():
            profile = merged.setdefault(name, {})
            for key, value in values.items():
                held = profile.get(key)
                profile[key] = held | value if isinstance(held, dict) and isinstance(value, dict) else value
    return Profiles({name: SourceProfile(**values) for name, values in merged.items()})
