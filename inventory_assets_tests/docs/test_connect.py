"""What docs/connect.md tells people to type works on a published file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.docs.markdown import blocks

pytestmark = pytest.mark.xdist_group("documented history")
PAGE = "connect.md"


@pytest.fixture
def folder(documented, tmp_path, monkeypatch) -> Path:
    """A working directory as in a checkout: the data folder and the documentation below it."""
    (tmp_path / "data").symlink_to(documented.data)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INVENTORY_DATA_DIR", raising=False)
    return tmp_path


def run(*command: str) -> str:
    """Output of a command that must end well."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_has_a_block_of_each_kind():
    assert [block.language for block in blocks(PAGE)] == ["sh", "sql", "python", "python"]


def test_the_commands_answer(folder):
    [block] = [block for block in blocks(PAGE) if block.language == "sh"]
    assert "table_name" in run("sh", "-ec", block.code)
    assert json.loads((folder / "stockout.json").read_text())[0]["location_id"]


def test_the_sql_puts_own_tables_beside_the_published_ones(folder):
    [block] = [block for block in blocks(PAGE) if block.language == "sql"]
    with closing(duckdb.connect()) as connection:
        answer = connection.execute(block.code).fetchall()
    assert len(answer) > 2
    assert {float(target) for _, _, target in answer} == {0.02}


@pytest.mark.parametrize("block", [b for b in blocks(PAGE) if b.language == "python"], ids=lambda b: f"line-{b.line}")
def test_the_python_answers(folder, block):
    assert "shape: (" in run(sys.executable, "-c", block.code)


def test_a_tool_that_is_years_behind_can_open_the_file(folder):
    with closing(duckdb.connect("data/serving/inventory.duckdb", read_only=True)) as connection:
        [(version,)] = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'inventory'"
        ).fetchall()
    assert version == "v1.2.0+"
