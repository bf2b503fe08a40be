"""Writes events into a landing folder, as files the sensors of the batch side read.

A file holds rows of a feed, not events: a receipt line becomes a till line, a truck's list receipts of a warehouse
system, what a shop states an opening balance or an asserted level. What has no feed (visits, advertisements …) is left
out and counted. Invariant: a file is complete and durable when it gets its name, and a batch that comes again writes
the same bytes under the same names.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from inventory_assets.simulator.happenings import StreamEvent
from inventory_assets.simulator.streaming.sinks import TAKEN, SinkUnusableError, Verdict

SOURCE_SYSTEM = "simulated-stream"
LEFT_OUT = Verdict("taken", "its type has no feed")


class LandingSink:
    """A landing folder."""

    def __init__(self, root: Path, hub: str = "retail-events") -> None:
        """Nothing is written yet.

        Args:
            root: the landing folder.
            hub: begins the name of every file.
        """
        self._root, self._hub = root, hub
        self.name = f"landing folder {root}"
        self.left_out: Counter[str] = Counter()
        self.files = 0

    async def open(self) -> None:
        """Make the folder."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkUnusableError(f"{self.name} cannot be made: {error.strerror}") from error

    async def send(self, batch: Sequence[StreamEvent]) -> list[Verdict]:
        """Write the rows of a batch, a file a feed."""
        feeds: dict[str, list[dict[str, Any]]] = {}
        verdicts = []
        for event in batch:
            found = False
            for feed, row in rows(event):
                feeds.setdefault(feed, []).append(row)
                found = True
            if not found:
                self.left_out[event.event_type] += 1
            verdicts.append(TAKEN if found else LEFT_OUT)
        if feeds:
            await asyncio.to_thread(self._write, feeds, batch[0])
        return verdicts

    async def close(self) -> None:
        """Nothing to do: every file is complete."""

    def _write(self, feeds: dict[str, list[dict[str, Any]]], first: StreamEvent) -> None:
        try:
            for feed, lines in feeds.items():
                folder = self._root / feed / f"source={SOURCE_SYSTEM}" / f"{first.timestamp:%Y-%m-%d}"
                folder.mkdir(parents=True, exist_ok=True)
                text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
                _put(folder / f"{self._hub}-{first.id}.jsonl", text.encode())
                self.files += 1
        except OSError as error:
            raise SinkUnusableError(f"{self.name} cannot be written: {error.strerror}") from error


def rows(event: StreamEvent) -> Iterator[tuple[str, dict[str, Any]]]:
    """The feeds and rows an event is published as; none where no feed is for it."""
    data, at = event.payload, event.timestamp.isoformat(timespec="microseconds").replace("+00:00", "Z")
    match event.event_type:
        case "receipt_line_added":
            row = {
                "transaction_id": data["receipt_id"],
                "line_number": data["line_number"],
                "store_id": data["location_id"],
                "product_sku": data["product_sku"],
                "quantity_sold": data["quantity"],
                "unit_price": data["unit_price"],
                "timestamp": at,
                "currency": data["currency"],
            }
            yield "pos", row
        case "truck_arrived":
            for number, line in enumerate(data["lines"], 1):
                row = {
                    "record_type": "receipt",
                    "warehouse_id": data["location_id"],
                    "product_sku": line["product_sku"],
                    "last_updated": at,
                    "document_id": data["shipment_id"],
                    "line_number": number,
                    "quantity": line["quantity"],
                }
                yield "warehouse", row
        case "inventory_updated":
            row = {
                "record_type": "level",
                "warehouse_id": data["location_id"],
                "product_sku": data["product_sku"],
                "last_updated": at,
                "current_stock": data["quantity"],
            }
            yield "warehouse", row
        case "stock.opened":
            for line in data["lines"]:
                yield "stock", {"location_id": data["location_id"], **line, "as_of": at, "document_id": event.id}
        case _:
            return


def sources_toml(zones: dict[str, str], currency: str) -> str:
    """Text of `sources.toml` for the data folder: business days of the files are those of the shops.

    Args:
        zones: IANA zone by location.
        currency: ISO 4217 code of all prices.
    """
    lines = "\n".join(f'{code} = "{zone}"' for code, zone in zones.items())
    return (
        "# Written by the simulated stream: shops keep the days of their own zones.\n"
        f'[{SOURCE_SYSTEM}]\ntime_zone = "UTC"\ncurrency = "{currency}"\n\n'
        f"[{SOURCE_SYSTEM}.location_time_zones]\n{lines}\n"
    )


def _put(target: Path, content: bytes) -> None:
    unfinished = target.with_name(target.name + ".tmp")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
