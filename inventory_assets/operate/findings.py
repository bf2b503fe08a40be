"""Findings: something that is not as it should be, how bad, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from inventory_assets.operate.progress import Progress

Severity = Literal["error", "warning", "info", "ok"]
ORDER: tuple[Severity, ...] = ("error", "warning", "info", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        severity: error = does not work; warning = will not work soon, or data is missing; info = good to know; ok.
        what: what was found, in one sentence.
        mend: what to do, empty where there is nothing to do.
    """

    severity: Severity
    what: str
    mend: str = ""


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity, otherwise in the order given."""
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))


def open_points(now: Progress) -> list[Finding]:
    """What is open in the data, the worst thing first."""
    points = []
    if now.unrecognised:
        path, reason = now.unrecognised[0]
        points.append(
            Finding(
                "warning",
                f"{len(now.unrecognised)} files of the landing folder are not read, first {path}: {reason}",
                "move them to landing/<feed>/ with a known extension, or away",
            )
        )
    quarantined = now.rows.get("silver/quarantine", 0)
    if quarantined:
        points.append(
            Finding(
                "warning",
                f"{quarantined:,} rows are in quarantine",
                'inventory sql "SELECT reason, sum(rows) FROM silver.quarantine_summary GROUP BY 1 ORDER BY 2 DESC"',
            )
        )
    if now.stopped_orders:
        points.append(
            Finding(
                "warning",
                f"{now.stopped_orders:,} supplier order lines are overdue for so long that they count as on order no "
                "more",
                'ask the suppliers, cancel or receive them: inventory sql "SELECT * FROM overdue_orders"',
            )
        )
    if now.files_waiting:
        points.append(
            Finding(
                "info",
                f"{len(now.files_waiting):,} files wait to be read, first {now.files_waiting[0]}",
                "nothing to do while the daemon runs; otherwise: inventory demo, or dagster dev -w workspace.yaml",
            )
        )
    if now.behind:
        points.append(
            Finding(
                "info",
                f"tables behind their inputs: {', '.join(now.behind)}",
                "nothing to do while the daemon runs; if it stays, look at failed runs in Dagster",
            )
        )
    if now.unpublished and not now.behind:
        points.append(
            Finding(
                "info",
                "the DuckDB file does not carry the newest tables yet",
                "nothing to do while the daemon runs: it replaces the file about once a minute",
            )
        )
    if not now.rows and not now.files_found:
        points.append(
            Finding(
                "info", "the landing folder is empty", "inventory simulate history, inventory load …, or inventory demo"
            )
        )
    return worst_first(points)
