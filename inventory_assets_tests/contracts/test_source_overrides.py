"""What the data folder's sources.toml changes, and what it leaves."""

from __future__ import annotations

from inventory_assets.contracts.sources import load_profiles


def test_an_assumption_laid_over_leaves_the_others():
    profile = load_profiles("[online-retail.assume]\nopening_quantity = 7\n")["online-retail"]
    assert (profile.assume.opening_quantity, profile.assume.location_type) == (7, "online")
    assert profile.currency == "GBP"


def test_a_null_token_list_of_one_column_leaves_those_of_the_others():
    tokens = load_profiles('[scms.null_tokens]\nordered_at = ["?"]\n')["scms"].null_tokens
    assert tokens["ordered_at"] == ("?",)
    assert "Date Not Captured" in tokens["*"]
