from __future__ import annotations

import re
import tomllib
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from inventory_assets.contracts.sources import load_profiles


def test_built_in_profiles_name_zones_and_patterns_that_exist():
    profiles = load_profiles()
    assert {"default", "online-retail", "scms"} <= set(profiles)
    for name in profiles:
        profile = profiles[name]
        for zone in (profile.time_zone, *profile.location_time_zones.values()):
            ZoneInfo(zone)
        for pattern in (profile.merchandise_pattern, profile.transaction_pattern, profile.sku_pattern):
            re.compile(pattern or "")


def test_nothing_is_assumed_by_default():
    profiles = load_profiles()
    for name in profiles:
        assert profiles[name].assume.opening_quantity is None


def test_a_system_without_a_profile_has_the_default_one():
    profiles = load_profiles('[default]\ncurrency = "EUR"')
    assert profiles["never heard of"].currency == "EUR"
    assert profiles["never heard of"].time_zone == "UTC"


def test_later_texts_win_key_by_key():
    profiles = load_profiles(
        '[shop]\ncurrency = "EUR"\ntime_zone = "Europe/Paris"\nholidays = [2026-05-01]',
        '[shop]\ncurrency = "CHF"\n[shop.location_time_zones]\nZ = "Europe/Zurich"',
    )
    shop = profiles["shop"]
    assert (shop.currency, shop.zone_of("A"), shop.zone_of("Z"), shop.zone_of(None)) == (
        "CHF", "Europe/Paris", "Europe/Zurich", "Europe/Paris",
    )  # fmt: skip
    assert shop.holidays == {date(2026, 5, 1)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[shop]\ntimezone = "UTC"', "timezone"),
        ("[shop.assume]\nopening_quantities = 5", "opening_quantities"),
        ("[shop.assume]\nopening_quantity = -1", "opening_quantity"),
        ('[shop]\nadjustment_rule = "guess"', "adjustment_rule"),
    ],
)
def test_unknown_keys_and_bad_values_are_refused_by_name(text, named):
    with pytest.raises(ValidationError, match=named):
        load_profiles(text)


def test_text_that_is_not_toml_is_refused():
    with pytest.raises(tomllib.TOMLDecodeError):
        load_profiles("[shop")
