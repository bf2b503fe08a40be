"""`inventory simulate stream`: a simulated day as events, one JSON document a line, at a chosen rate."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from inventory_assets.commands.output import Exit, errors, fail

if TYPE_CHECKING:
    from collections.abc import Iterable


def stream(
    rate: Annotated[float, typer.Option(min=0, help="Events a second; 0 as fast as they are read.")] = 0,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First business day; by default over everywhere."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Business days.")] = 1,
    events: Annotated[int, typer.Option(min=0, help="Stop after so many; 0 at the end of the last day.")] = 0,
    stores: Annotated[int, typer.Option(min=1, help="Shops.")] = 6,
    items: Annotated[int, typer.Option(min=1, help="Products.")] = 120,
    seed: Annotated[int, typer.Option(help="Same seed, same events.")] = 7,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output where not said.")] = None,
) -> None:
    """Write the events of a simulated day as CloudEvents, one JSON document a line."""
    from inventory_assets.simulator.config import HistoryConfig, SimulatorError
    from inventory_assets.simulator.stream import stream_day

    first = day.date() if day is not None else datetime.now(UTC).date() - timedelta(days=2)
    try:
        config = HistoryConfig(start=first, days=1, stores=stores, items=items, seed=seed)
    except SimulatorError as error:
        fail(str(error), Exit.USAGE)
    made = (event for number in range(days) for event in stream_day(config, first + timedelta(days=number)))
    with nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8") as target:
        try:
            written = _write(made, target, rate, events)
        except BrokenPipeError:  # the reader has enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
    if out is not None:
        errors().print(f"{written:,} events in {out}", markup=False)


def _write(made: Iterable[dict], target: TextIO, rate: float, most: int) -> int:
    started, written = time.monotonic(), 0
    for event in made:
        if rate:
            target.flush()
            time.sleep(max(0.0, started + written / rate - time.monotonic()))
        target.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
        written += 1
        if written == most:
            break
    target.flush()
    return written
