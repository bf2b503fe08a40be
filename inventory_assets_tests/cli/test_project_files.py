from __future__ import annotations

import os
import re
import stat
import subprocess

import pytest

from inventory_assets_tests.conftest import ROOT

SACRED = [
    "make run",
    "make run ONCE=1",
    "make test",
    "pip install .",
    "dagster dev -w workspace.yaml",
    "inventory doctor",
    "inventory demo --once --from online-retail --file",
]


@pytest.mark.parametrize("command", SACRED)
def test_the_readme_shows_the_commands_people_rely_on(command):
    assert command in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))])
def test_no_link_of_a_page_leads_nowhere(page):
    file = ROOT / page
    links = re.findall(r"\]\(([^)#\s]+)", file.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (file.parent / link).exists()] == []


@pytest.mark.parametrize("script", [".ci/run", ".ci/setup"])
def test_the_scripts_can_be_run_and_parse(script):
    assert (ROOT / script).stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = next(line for line in text.splitlines() if line.startswith(".PHONY")).split()[1:]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert [line.split()[1] for line in shown.stdout.splitlines()] == targets


def test_setup_names_the_way_out_where_no_python_fits(tmp_path):
    for name in ("sh", "dirname", "mkdir", "cat"):
        for folder in ("/bin", "/usr/bin"):
            if os.path.exists(f"{folder}/{name}") and not (tmp_path / name).exists():  # noqa: PTH110
                (tmp_path / name).symlink_to(f"{folder}/{name}")
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    result = subprocess.run(
        ["/bin/sh", str(ROOT / ".ci" / "setup"), str(tmp_path / "stamp")],
        env={"PATH": str(tmp_path), "HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13" in result.stderr
    assert "PYTHON=/path/to" in result.stderr
    assert not (tmp_path / "stamp").exists()
