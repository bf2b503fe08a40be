"""Every check leads to a page that says what to do, and every page belongs to a check."""

from __future__ import annotations

from pathlib import Path

from inventory_assets.definitions import defs

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "runbooks"
METRICS = PAGES / "live.md"


def test_every_declared_check_has_its_page_and_every_page_its_check():
    declared = {check.name for check in defs().resolve_asset_graph().asset_check_keys}
    assert declared == {page.stem for page in PAGES.glob("*.md") if page != METRICS}


def test_every_check_names_its_page_and_every_page_says_what_to_do():
    loaded = defs()
    specs = [spec for assets in loaded.resolve_asset_graph().assets_defs for spec in assets.check_specs]
    assert len(specs) > 20
    for spec in specs:
        page = ROOT / str(spec.metadata["runbook"].value)
        assert page == PAGES / f"{spec.name}.md"
        words = page.read_text("utf-8")
        assert words.startswith(f"# {spec.name}\n")
        assert [part for part in ("What it means", "How to look", "How to mend") if f"\n## {part}\n" not in words] == []
        assert ("**Blocks.**" if spec.blocking else "**Warns**") in words


def test_every_metric_of_the_live_layer_has_a_section_that_says_what_to_do():
    from inventory_assets.api.metrics import Metrics

    first, *sections = METRICS.read_text("utf-8").split("\n## ")
    assert first.startswith("# Metrics")
    told = {section.partition("\n")[0]: section for section in sections}
    assert set(told) == {metric.name for metric in Metrics().registry.collect()}
    for name, section in told.items():
        assert "**Target:**" in section, name
        assert section.count("**") >= 4, f"{name} says what to do"
