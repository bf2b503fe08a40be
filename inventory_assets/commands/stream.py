"""`inventory simulate stream`: events of a simulated retailer, sent to a service or a folder, or printed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.output import Exit, errors, fail, load_settings

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.streaming import EventStreamer, Sink, StreamConfig
    from inventory_assets.simulator.streaming.factory import Source

GENTLE = 20.0
"""Events a second where nothing is said."""
PLANNED = 1_000.0
"""Events a second of the times in the events, when they are made as fast as they are taken."""
LATE = 5.0
"""Seconds a receiver may be behind at the end of the duration before the rest is sent as on a stop."""
FILE_BATCH, FILE_WAIT_MS = 1_000, 5_000.0
"""Landing files are few and large."""
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class _Target:
    """Where events go: an address, a landing folder, a file, or standard output."""

    url: str
    folder: Path | None
    file: Path | None

    @property
    def delivers(self) -> bool:
        """Whether there is somebody who may refuse events."""
        return bool(self.url) or self.folder is not None


def stream(
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="Events a second; 0 as fast as they are taken. 20; with --day and --resend 0."),
    ] = None,
    duration: Annotated[str, typer.Option(help="How long: 90, 90s, 5m, 1h; until Ctrl-C if not said.")] = "",
    to: Annotated[
        str, typer.Option(help="Address of the service (http…), a landing folder, or `landing` for the configured one.")
    ] = "",
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Tell a business day of the past, not what happens from now on."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Business days, with --day.")] = 1,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S"], help="Time of the first event, UTC; now.")
    ] = None,
    events: Annotated[int, typer.Option(min=0, help="Stop after so many; 0 never.")] = 0,
    stores: Annotated[int, typer.Option(min=1, help="Shops.")] = 6,
    items: Annotated[int, typer.Option(min=1, help="Products.")] = 120,
    seed: Annotated[int, typer.Option(help="Same seed and start, same events.")] = 7,
    opening: Annotated[bool, typer.Option("--opening/--no-opening", help="Begin by stating what is there.")] = True,
    config: Annotated[Path | None, typer.Option(help="Configuration file; keys in docs/stream.md.")] = None,
    resend: Annotated[Path | None, typer.Option(help="Send the events of this file, as of dead letters.")] = None,
    dead_letters: Annotated[
        Path | None, typer.Option(help="File for what cannot be delivered; stream/dead-letters.jsonl of the data.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write, one event a line.")] = None,
) -> None:
    """Make the events of a retailer at a rate, and send, write or print them as CloudEvents. 1 if some were refused."""
    if to and out is not None:
        fail("--to and --out are two places; give one", Exit.USAGE)
    from inventory_assets.simulator.config import HistoryConfig, SimulatorError
    from inventory_assets.simulator.streaming import EventStreamer, SinkError, StreamConfigError, StreamerError
    from inventory_assets.simulator.streaming.dead_letters import DeadLetters

    told = day is not None or resend is not None
    pace = rate if rate is not None else 0.0 if told else GENTLE
    began = start.replace(tzinfo=UTC) if start is not None else datetime.now(UTC)
    lasts, target = _duration(duration), _target(to, out)
    kept = dead_letters or (_dead_letters_file() if target.delivers else None)
    try:
        first = day.date() if day is not None else began.date()
        retailer = HistoryConfig(start=first, days=1, stores=stores, items=items, seed=seed)
        options = _options(config, pace if config is None or rate is not None else None, target)
        source = _replayed(retailer, days if day is not None else 0, resend) if told else None
        source = source or _factory(retailer, began, options, opening=opening)
        with _sink(target, options, retailer) as sink:
            streamer = EventStreamer(
                options,
                source,
                sink,
                start=began,
                dead_letters=DeadLetters(kept),
                paced=pace > 0,
                most_events=events or None,
            )
            figures = asyncio.run(_run(streamer, lasts))
    except (SimulatorError, StreamConfigError) as error:
        fail(str(error), Exit.USAGE)
    except (SinkError, StreamerError) as error:
        if isinstance(error.__cause__ and error.__cause__.__cause__, BrokenPipeError):  # it has enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        fail(f"{error}{f'; what was not sent is in {kept}' if kept and kept.exists() else ''}")
    if target.delivers or target.file is not None:
        _tell(figures, sink.name)
    if figures["events_failed"]:
        fail(f"{figures['events_failed']:,} events could not be delivered; they are in {kept}")


async def _run(streamer: EventStreamer, duration: timedelta | None) -> dict[str, Any]:
    """Stream until all is made and delivered, the time is over, or somebody asks to stop; what waits is still sent."""
    asked = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            asyncio.get_running_loop().add_signal_handler(name, asked.set)
    await streamer.start(duration)
    waiting = [asyncio.create_task(streamer.wait()), asyncio.create_task(asked.wait())]
    late = duration.total_seconds() + LATE if duration is not None else None
    try:
        await asyncio.wait(waiting, timeout=late, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await streamer.stop()
    return await streamer.get_statistics()


def _duration(text: str) -> timedelta | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if found is None or float(found[1]) == 0:
        fail(f"--duration {text}: write seconds, or a number with s, m or h, as in 90s", Exit.USAGE)
    return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])


def _target(to: str, out: Path | None) -> _Target:
    if to.startswith(("http://", "https://")):
        return _Target(to, None, None)
    if to == "landing":
        from inventory_assets.ingest.landing import local_root

        settings = load_settings()
        folder = local_root(settings.landing)
        if folder is None:
            fail(f"the landing folder {settings.landing} is not on this machine; name a folder with --to", Exit.USAGE)
        return _Target("", Path(folder), None)
    return _Target("", Path(to) if to else None, out)


def _dead_letters_file() -> Path:
    return load_settings().data_dir.resolve() / "stream" / "dead-letters.jsonl"


def _options(file: Path | None, rate: float | None, target: _Target) -> StreamConfig:
    """The configuration; a rate that was given decides over that of the file."""
    from inventory_assets.simulator.streaming import StreamConfig

    options = StreamConfig.from_file(file) if file is not None else StreamConfig()
    if file is None and target.folder is not None:
        larger = {"max_batch_size": FILE_BATCH, "batch_timeout_ms": FILE_WAIT_MS}
        options = options.model_copy(update={"realtime": options.realtime.model_copy(update=larger)})
    if options.realtime.azure_connection_string is not None:
        errors().print("azure_connection_string is not used: events go where --to says", markup=False)
    return options if rate is None else options.at_rate(rate or PLANNED)


def _factory(retailer: HistoryConfig, began: datetime, options: StreamConfig, *, opening: bool) -> Source:
    from inventory_assets.simulator.streaming import EventFactory

    return EventFactory(retailer, began, rate=options.rate, opening=opening)


def _replayed(retailer: HistoryConfig, days: int, resend: Path | None) -> Source:
    """Days of the past, or the events of a file."""
    from inventory_assets.simulator.stream import day_events
    from inventory_assets.simulator.streaming import Replay
    from inventory_assets.simulator.streaming.dead_letters import read_dead_letters

    if resend is not None:
        return Replay(read_dead_letters(resend))
    told = (day_events(retailer, retailer.start + timedelta(days=number)) for number in range(days))
    return Replay(chain.from_iterable(told))


@contextmanager
def _sink(target: _Target, options: StreamConfig, retailer: HistoryConfig) -> Iterator[Sink]:
    from inventory_assets.simulator.streaming import HttpSink, LandingSink, LinesSink

    if target.url:
        yield HttpSink(target.url, timeout_seconds=options.realtime.request_timeout_ms / 1_000)
    elif target.folder is not None:
        _declare(retailer)
        yield LandingSink(target.folder, options.stream.hub)
    else:
        opened = nullcontext(sys.stdout) if target.file is None else target.file.open("w", encoding="utf-8")
        with opened as lines:
            yield LinesSink(lines, str(target.file or "standard output"))


def _declare(retailer: HistoryConfig) -> None:
    """Business days of the files are those of the shops: say so in the contract of the source."""
    import numpy as np

    from inventory_assets.commands.landing import declare_source
    from inventory_assets.simulator.streaming.landing_sink import SOURCE_SYSTEM, sources_toml
    from inventory_assets.simulator.world import build_world

    world = build_world(retailer, np.random.default_rng(retailer.seed))
    zones = {location.code: location.zone for location in world.locations}
    declare_source(load_settings().sources_file, SOURCE_SYSTEM, sources_toml(zones, retailer.currency))


def _tell(figures: dict[str, Any], name: str) -> None:
    again = f", {figures['events_repeated']:,} of them a second time" if figures["events_repeated"] else ""
    errors().print(
        f"{figures['events_sent_successfully']:,} events{again} in {name}: {figures['batches_sent']:,} batches,"
        f" {figures['seconds']:.1f} s, {figures['retries']:,} retries",
        markup=False,
    )
