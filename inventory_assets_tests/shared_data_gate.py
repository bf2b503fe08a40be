"""Pytest plugin of `.ci/run`: fails the session when a test of the public data sets was skipped, or none ran.

Campaigns are the exception: the suite skips them whether the data sets are here or not.
"""

from __future__ import annotations

import pytest

from inventory_assets_tests.faults.campaign import LONG_ONLY

_MARKER = "shared_data"


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return

    def marked(outcome: str) -> list[str]:
        reports = [report for report in reporter.stats.get(outcome, []) if _MARKER in getattr(report, "keywords", {})]
        return [report.nodeid for report in reports if LONG_ONLY not in str(report.longrepr)]

    skipped, ran = marked("skipped"), [*marked("passed"), *marked("failed")]
    if skipped:
        reporter.write_line(f"shared data gate: skipped although the folder must be here: {', '.join(skipped)}")
    elif not ran:
        reporter.write_line("shared data gate: no test marked shared_data ran")
    if (skipped or not ran) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
