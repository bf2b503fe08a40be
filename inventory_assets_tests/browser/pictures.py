"""The pictures of docs/ui.md: `python -m inventory_assets_tests.browser.pictures http://127.0.0.1:3000`.

They are taken of a running installation, by hand, when the UI or what it shows has changed; no test compares them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inventory_assets_tests.browser.ui import page

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SETTLE_MS = 25_000
"""The UI draws in several steps, and says nowhere when it is done."""
PAGES = {
    "graph": ("/assets/gold/store_performance?view=lineage", "Lineage", 640),
    "asset": ("/assets/gold/store_performance?view=overview", "Freshness policy", 800),
    "partitions": ("/assets/gold/quality_scores?view=partitions&partition={yesterday}", "partition_row_count", 800),
    "checks": ("/assets/silver/day_balance?view=checks&checkDetail=sources_keep_sending", "days_behind", 800),
    "automation": ("/automation", "hourly_watch", 880),
    "launchpad": ("/locations/inventory_assets/jobs/refresh/playground", "No errors", 700),
}
"""By name: address, a text to wait for, and height of the window."""


def main(address: str, *names: str) -> None:
    """Take the named pictures, all by default."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in names or PAGES:
        path, text, height = PAGES[name]
        with page(height=height) as (seen, errors):
            seen.goto(f"{address}{path.format(yesterday=yesterday)}")
            seen.get_by_text(text, exact=False).first.wait_for()
            seen.wait_for_timeout(SETTLE_MS)
            seen.screenshot(path=IMAGES / f"{name}.png")
            sys.stdout.write(f"{name}: {(IMAGES / f'{name}.png').stat().st_size:,} bytes {errors}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
