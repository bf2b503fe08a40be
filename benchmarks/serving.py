"""A served installation to measure: `inventory demo` in a process of its own, and files dropped for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from inventory_assets.operate.progress import Watch
from inventory_assets.settings import Settings

START_SECONDS = 900.0
STOP_SECONDS = 60.0
STORE = "STORE-MEASURED"


@dataclass
class Demo:
    """What serves, and where.

    Attributes:
        settings: the installation.
        process: the command.
    """

    settings: Settings
    process: subprocess.Popen[bytes]

    def drop(self, name: str, lines: int = 1) -> None:
        """A file of receipts rung up just now, whole at once; its name is the number of its receipts."""
        folder = self.settings.data_dir / "landing" / "pos" / "source=default"
        folder.mkdir(parents=True, exist_ok=True)
        at = datetime.now(UTC) - timedelta(minutes=1)
        rows = [
            {
                "transaction_id": name, "line_number": number + 1, "store_id": STORE, "product_sku": "PROD-000001",
                "quantity_sold": 1, "unit_price": "1.00", "timestamp": at.isoformat(), "currency": "USD",
            }
            for number in range(lines)
        ]  # fmt: skip
        building = folder / f"_{name}.jsonl"
        building.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        building.replace(folder / f"{name}.jsonl")

    def family(self) -> list[psutil.Process]:
        """The command and everything it started."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


@contextmanager
def demo(folder: Path, environment: Mapping[str, str], days: int) -> Iterator[Demo]:
    """Serve a sample history until the end of the block; entered when all of it stands in DuckDB.

    Raises:
        RuntimeError: it did not get there.
    """
    folder.mkdir(parents=True)
    settings = Settings(data_dir=folder)
    command = [str(Path(sys.executable).with_name("inventory")), "demo", "--days", str(days)]
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment, "INVENTORY_DATA_DIR": str(folder)}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        watch, deadline = Watch(settings), time.monotonic() + START_SECONDS
        while watch.look().stage != "done":
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the demo did not get ready:\n{(folder / 'demo.log').read_text()[-2000:]}")
            time.sleep(1)
        yield Demo(settings, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
