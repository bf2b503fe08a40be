from __future__ import annotations

import re
import subprocess
import sys

import pytest

from inventory_assets.contracts.dictionary import PAGES, data_dictionary, table_of_tables
from inventory_assets.contracts.tables import TABLES
from inventory_assets_tests.conftest import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_committed_pages_equal_the_declarations(name):
    committed = (ROOT / "docs" / name).read_text("utf-8")
    assert committed == PAGES[name](), "run `python -m inventory_assets.contracts.dictionary` and commit docs/"


def test_the_module_writes_the_pages(tmp_path):
    command = [sys.executable, "-m", "inventory_assets.contracts.dictionary", str(tmp_path / "pages")]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    for name, render in PAGES.items():
        assert (tmp_path / "pages" / name).read_text("utf-8") == render()


def test_every_table_stands_once_in_one_table_with_grain_key_and_reach():
    lines = [line for line in table_of_tables().splitlines() if line.startswith("| [")]
    assert [re.match(r"\| \[([^\]]+)\]", line).group(1) for line in lines] == list(TABLES)
    for line, table in zip(lines, TABLES.values(), strict=True):
        cells = line.strip("| ").split(" | ")
        assert len(cells) == 8
        assert cells[1] == table.grain
        assert cells[2] == ", ".join(f"`{name}`" for name in table.key)
        assert cells[-1] == table.reach.rule


def test_every_column_stands_in_the_dictionary_with_its_meaning():
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", data_dictionary(), re.MULTILINE | re.DOTALL))
    assert sections.keys() == TABLES.keys()
    for path, table in TABLES.items():
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|.*\|([^|]*)\|$", sections[path].replace("\\|", "¦"), re.MULTILINE)
        assert [row[:2] for row in rows] == [(column.name, column.type) for column in table.columns]
        assert all(meaning.strip() for *_, meaning in rows)


def test_every_link_of_the_pages_leads_somewhere():
    headings = {path.replace("/", "") for path in TABLES}
    for page in (data_dictionary(), table_of_tables()):
        anchors = set(re.findall(r"\]\((?:data-dictionary\.md)?#([^)]+)\)", page))
        assert anchors
        assert anchors <= headings


def test_upstream_names_declared_tables_only():
    for table in TABLES.values():
        assert set(table.upstream) <= TABLES.keys(), table.path
