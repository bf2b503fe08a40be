from __future__ import annotations

import pytest

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.sources import SourceProfile, load_profiles
from inventory_assets.contracts.templates import EXAMPLE_ROWS, SOURCES_TOML, readme, template


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_a_template_is_the_declared_header_and_one_row_with_every_required_column(feed):
    head, row, *rest = template(feed).splitlines()
    assert head.split(",") == feed.column_names
    assert row
    assert rest == []
    assert all(EXAMPLE_ROWS[feed.name].get(name) for name in feed.required)


def test_the_page_explains_every_column_of_every_feed():
    text = readme()
    for feed in FEEDS.values():
        assert f"## {feed.name}\n" in text
        for column in feed.columns:
            required = "yes" if column.name in feed.required else ""
            assert f"| `{column.name}` | {required} | " in text


def test_the_profile_is_valid_with_its_comments_and_without_them():
    uncommented = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and ("=" in line or "[" in line) else line
        for line in SOURCES_TOML.splitlines()
        if "copy this file" not in line and "folder the files lie in" not in line
    )
    assert load_profiles(SOURCES_TOML)["tills"] == SourceProfile(time_zone="Europe/London", currency="USD")
    full = load_profiles(uncommented)["tills"]
    assert full.merchandise_pattern == "^PROD-"
    assert full.null_tokens == {"*": ("N/A", "-")}
    assert full.zone_of("STORE-02") == "America/New_York"
