from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from inventory_assets.operate import doctor
from inventory_assets.operate.findings import Finding, worst_first
from inventory_assets.settings import Settings

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def only(findings) -> Finding:
    found = list(findings)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("version", "severity"), [((3, 10), "error"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "error")]
)
def test_only_supported_pythons_pass(version, severity):
    assert only(doctor.python_version(version)).severity == severity


def test_this_environment_has_the_packages_and_time_zones():
    assert only(doctor.packages()).severity == "ok"
    assert only(doctor.time_zones()).severity == "ok"
    assert only(doctor.time_zones(("Atlantis/Center",))).severity == "error"


def test_a_data_folder_that_is_a_file_is_an_error_with_the_way_out(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    finding = only(doctor.data_folder(blocked))
    assert finding.severity == "error"
    assert "INVENTORY_DATA_DIR" in finding.mend


def test_a_data_folder_that_is_not_there_yet_is_judged_by_its_parent(tmp_path):
    assert only(doctor.data_folder(tmp_path / "new" / "data")).severity in ("ok", "warning")
    assert not (tmp_path / "new").exists()


def test_a_taken_port_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert only(doctor.ui_port(taken.getsockname()[1])).severity == "info"


def test_another_dagster_home_and_a_loosened_pool_are_found(tmp_path):
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("concurrency: {pools: {default_limit: 4}}")
    warning, error, edited = doctor.dagster_home(home, {"DAGSTER_HOME": str(tmp_path / "other")})
    assert (warning.severity, error.severity, edited.severity) == ("warning", "error", "info")
    assert f"export DAGSTER_HOME={home}" in warning.mend
    (home / "dagster.yaml").write_text("concurrency: [")
    assert "not YAML" in only(doctor.dagster_home(home, {})).what


def test_a_bad_profile_file_is_an_error(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert only(doctor.source_profiles(settings)).severity == "ok"
    (tmp_path / "sources.toml").write_text("[pos]\ntime_zonne = 'UTC'\n")
    assert "time_zonne" in only(doctor.source_profiles(settings)).what


def test_a_local_lake_needs_no_probe(tmp_path):
    assert only(doctor.conditional_put(str(tmp_path), {})).severity == "ok"


def test_a_check_that_breaks_is_a_finding_and_hides_no_other(tmp_path):
    settings = Settings(data_dir=tmp_path, lake_uri="nosuchstore://bucket/lake")
    findings = doctor.examine(settings, {}, NOW)
    assert findings[0].severity == "error"
    assert any("object store" in finding.what for finding in findings)
    assert any(finding.what.startswith("Python") for finding in findings)


def test_the_worst_comes_first():
    given = [Finding("ok", "a"), Finding("error", "b"), Finding("info", "c"), Finding("warning", "d")]
    assert [finding.what for finding in worst_first(given)] == ["b", "d", "c", "a"]
