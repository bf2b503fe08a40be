"""The nightly key check on a real lake."""

from __future__ import annotations

from datetime import date

from inventory_assets.contracts.silver import SALES
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.pipeline.duplicate_keys import AUTHOR, check_keys
from inventory_assets.pipeline.quarantine import shown
from inventory_assets.quality.checks import keeps_contract
from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import versions, workspace_at
from inventory_assets_tests.pipeline.test_quarantine import NOW, A, B, Shop, line

MAY = [date(2026, 5, n) for n in range(1, 9)]


def days(shop: Shop) -> list[date]:
    return [sale[2] for sale in shop.sales()]


def shop_at(tmp_path) -> Shop:
    settings = Settings(data_dir=tmp_path)
    return Shop(settings, workspace_at(settings, NOW))


def test_the_later_day_is_taken_out_comes_back_and_goes_again(tmp_path):
    shop = shop_at(tmp_path)
    shop.land(B, line(1, at="2026-05-03T10:00:00Z"), line(1, at="2026-05-05T10:00:00Z", quantity="9"))
    shop.refresh()
    assert days(shop) == [MAY[2], MAY[4]]
    found = check_keys(shop.workspace)
    assert (found.taken_out, found.brought_back, found.days) == (1, 0, {MAY[4]})
    shop.refresh()
    assert days(shop) == [MAY[2]]
    assert shop.held() == {f"{B}#2": "duplicate_key_other_date"}
    assert "the next check brings this one back" in shop.decide("release", f"{B}#2").refused[f"{B}#2"]

    shop.land(A, line(1, at="2026-05-01T10:00:00Z"))  # earlier still, and later to arrive
    shop.refresh()
    check_keys(shop.workspace)
    shop.refresh()
    assert days(shop) == [MAY[0]]

    shop.decide("discard", f"{A}#1")
    shop.refresh()
    found = check_keys(shop.workspace)
    assert (found.taken_out, found.brought_back) == (0, 1)
    shop.refresh()
    assert days(shop) == [MAY[2]], "the earliest of those taken out comes back, and no other"

    shop.decide("release", f"{A}#1")
    shop.refresh()
    check_keys(shop.workspace)
    shop.refresh()
    assert days(shop) == [MAY[0]]
    actions = [(d["action"], d["actor"]) for d in shown(shop.workspace, f"{B}#1")["decisions"]]
    gone, back = ("duplicate_key_other_date", AUTHOR), ("duplicate_key_gone", AUTHOR)
    assert actions == [gone, back, gone]


def test_checking_again_adds_nothing_before_and_after_the_refresh(tmp_path):
    shop = shop_at(tmp_path)
    shop.land(B, line(1), line(1, at="2026-05-05T10:00:00Z"), line(2))
    shop.refresh()
    assert check_keys(shop.workspace, dry_run=True).taken_out == 1
    assert shop.decisions() == 0
    assert check_keys(shop.workspace).written == 1
    assert check_keys(shop.workspace).written == 0
    shop.refresh()
    check_keys(shop.workspace)
    shop.refresh()
    before = versions(shop.lake)
    for _ in range(2):
        assert check_keys(shop.workspace).written == 0
        shop.refresh()
    assert versions(shop.lake) == before, "a quiet night writes nothing"


def test_a_whole_day_sent_again_under_another_zone_counts_once(tmp_path):
    """Same instants, but the zone was set right in between: bronze keeps the business days it was read with."""
    shop = shop_at(tmp_path)
    lines = [f"R,{n},S1,A1,2,1.50,2026-05-01T02:00:00Z" for n in range(1, 6)]
    shop.land(B, *lines)
    shop.refresh()
    (tmp_path / "sources.toml").write_text('[till]\ntime_zone = "America/New_York"\n')
    assert load_profiles((tmp_path / "sources.toml").read_text())["till"].time_zone == "America/New_York"
    shop.workspace = workspace_at(shop.settings, NOW)
    shop.land("pos/source=till/again.csv", *lines)
    shop.refresh()
    assert len(shop.sales()) == 10
    assert check_keys(shop.workspace).taken_out == 5
    shop.refresh()
    assert set(days(shop)) == {date(2026, 4, 30)}
    assert len(shop.sales()) == 5


def test_a_fix_onto_a_key_of_another_day_is_found(tmp_path):
    shop = shop_at(tmp_path)
    shop.land(B, line(1), line(2, at="2026-05-05T10:00:00Z"))
    shop.refresh()
    check_keys(shop.workspace)
    shop.decide("fix", f"{B}#2", line_number="1", timestamp="2026-05-07T10:00:00Z")
    shop.refresh()
    assert days(shop) == [MAY[0], MAY[6]]
    assert keeps_contract(shop.lake, SALES).passed, "two days with one key do not hold up the lane"
    assert check_keys(shop.workspace).taken_out == 1
    shop.refresh()
    assert shop.held() == {f"{B}#2": "duplicate_key_other_date"}
    shop.decide("fix", f"{B}#2", line_number="3")
    shop.refresh()
    assert days(shop) == [MAY[0], MAY[6]]
    assert check_keys(shop.workspace).written == 0
