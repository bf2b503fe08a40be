"""`inventory demo`: data into the landing folder, Dagster up, its sensors do the work, a summary, then serve."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table as Grid

from inventory_assets.commands.landing import Origin, fill_landing
from inventory_assets.commands.output import (
    Exit,
    Json,
    errors,
    fail,
    load_settings,
    print_grid,
    print_json,
    text_of,
    working,
)
from inventory_assets.commands.signals import deaf, terminable
from inventory_assets.commands.streaming import say_stream, stream_beside
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.operate.progress import Progress
    from inventory_assets.operate.supervisor import Supervisor

SAY_EVERY_SECONDS = 10.0
STAGES = {
    "empty": "nothing yet",
    "ingesting": "landing → bronze",
    "computing": "bronze → silver → gold → analytics",
    "publishing": "→ DuckDB",
    "done": "done",
}


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after the summary instead of serving.")] = False,
    origin: Annotated[Origin, typer.Option("--from", help="Where the data comes from.")] = "simulated",
    file: Annotated[Path | None, typer.Option(help="The published file of --from online-retail or scms.")] = None,
    days: Annotated[int, typer.Option(min=1, help="Days of the simulated history.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the simulated history.")] = 7,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the Dagster UI; the next free one.")] = 3000,
    patience: Annotated[float, typer.Option(min=0.1, help="Minutes without any change before giving up.")] = 10.0,
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Send a few events a second to the live service while serving.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Carry a history through all layers with Dagster's own sensors, print a summary, then serve until Ctrl-C."""
    from inventory_assets.ingest.landing import local_root
    from inventory_assets.operate.instance import (
        AlreadyRunningError,
        InstanceError,
        make_storage,
        prepare,
        sole_owner,
    )
    from inventory_assets.operate.location import LocationError
    from inventory_assets.operate.processes import PortsTakenError, ServiceEndedError, end_orphans, free_port
    from inventory_assets.operate.serving import await_socket, served
    from inventory_assets.operate.supervisor import Supervisor
    from inventory_assets.operate.waiting import StalledError

    settings = load_settings()
    if local_root(settings.landing) is None:
        fail("the demo writes into a local landing folder; unset INVENTORY_LANDING_URI", Exit.USAGE)
    data_dir = settings.data_dir.resolve()
    supervisor = Supervisor(lambda line: errors().print(line, markup=False))
    finished = False
    try:
        with terminable(), sole_owner(data_dir), TemporaryDirectory(prefix="inventory-") as sockets:
            begun = time.monotonic()
            if orphans := end_orphans(data_dir):
                errors().print(f"ended {orphans} processes that a killed demo left behind", markup=False)
            fill_landing(settings, origin, file, days=days, seed=seed)
            prepare(settings.dagster_home)
            port = free_port(port)
            code, others = served(
                data_dir, settings.dagster_home, port, {**expectations(origin), **os.environ}, Path(sockets)
            )
            try:
                with working("starting Dagster"):
                    make_storage(settings.dagster_home, others[0])
                    for service, _ in code:
                        supervisor.start(service)
                    for _, socket in code:
                        await_socket(socket, supervisor.look)
                for service in others:
                    supervisor.start(service)
                item = wait(settings, supervisor, port, patience * 60, begun, as_json=as_json)
                finished = True
                if once:
                    say_addresses(settings, port, "", once=True)
                    return
                serve(settings, supervisor, port, origin, seed, item, stream=stream)
            finally:
                with deaf():
                    supervisor.stop()
    except KeyboardInterrupt:
        errors().print("stopped" if finished else "interrupted; started again, the demo goes on where it was")
        raise typer.Exit(Exit.OK if finished else Exit.INTERRUPTED) from None
    except (
        AlreadyRunningError,
        InstanceError,
        LocationError,
        PortsTakenError,
        ServiceEndedError,
        StalledError,
    ) as error:
        fail(str(error))


def serve(
    settings: Settings, supervisor: Supervisor, port: int, origin: Origin, seed: int, item: str | None, *, stream: bool
) -> None:
    """Keep Dagster, the live service and the stream running until somebody ends it."""
    with (
        live_beside(settings) as (look, events),
        stream_beside(settings, events, origin, seed, wanted=stream) as (look_too, sent),
    ):
        say_addresses(settings, port, events, once=False)
        if sent:
            say_stream(events, item if origin == "simulated" else None)
        while True:
            supervisor.look()
            look()
            look_too()
            time.sleep(1)


def wait(
    settings: Settings, supervisor: Supervisor, port: int, patience_seconds: float, begun: float, *, as_json: bool
) -> str | None:
    """Follow the work until the DuckDB file carries everything, then print the summary.

    Returns:
        The item that sells best, None where nothing was sold.
    """
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.operate.instance import HOST
    from inventory_assets.operate.location import LocationCheck
    from inventory_assets.operate.progress import Watch
    from inventory_assets.operate.summary import summarise
    from inventory_assets.operate.waiting import wait_until_done

    located = LocationCheck(f"http://{HOST}:{port}")

    def check() -> None:
        supervisor.look()
        located()

    with reporting(begun) as report:
        now = wait_until_done(
            Watch(settings).look,
            lambda: supervisor.running,
            report=report,
            clock=time.monotonic,
            sleep=time.sleep,
            patience_seconds=patience_seconds,
            check=check,
        )
    summary = summarise(Lake(settings.lake, settings.secret_options), now, time.monotonic() - begun)
    best_item = summary.top_products[0]["product_sku"] if summary.top_products else None
    if as_json:
        print_json(asdict(summary))
        return best_item
    print_grid(("layer", "rows"), list(summary.rows_by_layer.items()), "Rows a layer")
    print_grid(("reason", "rows"), list(summary.quarantined.items()), f"Quarantined: {summary.quarantined_rows:,}")
    best = [tuple(row.values()) for row in summary.top_products]
    print_grid(("item", "name", "currency", "units", "revenue"), best, "Top products")
    score = "unknown, no sale" if summary.quality_score is None else f"{summary.quality_score:.4f}"
    Console(highlight=False).print(f"DQ score {score} · {summary.seconds:.0f} s from file to DuckDB")
    return best_item


def expectations(origin: Origin) -> dict[str, str]:
    """Settings of the services: of a published data set, whose days lie in the past, nothing new is expected."""
    return {} if origin == "simulated" else {"INVENTORY_FRESHNESS__FAIL_HOURS": "0"}


@contextmanager
def live_beside(settings: Settings) -> Iterator[tuple[Callable[[], None], str]]:
    """The live service of a demo for as long as the block lasts; where it cannot run, the batch side serves alone.

    Yields:
        What keeps it running, to be called again and again, and its address, empty where it does not run.
    """
    from inventory_assets.commands.live import running
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.operate.processes import serving_of

    with ExitStack() as stack:
        try:
            environment = {**os.environ, **serving_of(settings.data_dir.resolve())}
            look, address = stack.enter_context(running(settings, environment))
        except DatabaseError as error:
            errors().print(f"the live service does not run: {error}", style="yellow", markup=False)
            yield (lambda: None), ""
        else:
            yield look, address


def say_addresses(settings: Settings, port: int, events: str, *, once: bool) -> None:
    """Where to look now."""
    console = errors()
    console.print(f"DuckDB    {settings.serving / 'inventory.duckdb'}", markup=False)
    console.print('ask       inventory sql "SELECT * FROM data_as_of"', markup=False)
    if not once:
        console.print(f"Dagster   http://127.0.0.1:{port}", markup=False)
        if events:
            console.print(f"events    {events}/api/v1/events, described by {events}/openapi.json", markup=False)
        console.print(f"drop more files into {settings.landing}; Ctrl-C ends everything", markup=False)


@contextmanager
def reporting(begun: float) -> Iterator[Callable[[Progress], None]]:
    """A function that shows progress on stderr: a live table in a terminal, else a line every ten seconds."""
    console = errors()
    if console.is_terminal:
        with Live(console=console, transient=True, refresh_per_second=4) as live:
            yield lambda now: live.update(progress_grid(now, time.monotonic() - begun))
        return
    said_at, said_line = -SAY_EVERY_SECONDS, ""

    def say(now: Progress) -> None:
        nonlocal said_at, said_line
        seconds, line = time.monotonic() - begun, progress_line(now)
        if line != said_line and (seconds - said_at >= SAY_EVERY_SECONDS or now.stage == "done"):
            console.print(f"{seconds:5.0f} s  {line}", markup=False)
            said_at, said_line = seconds, line

    yield say


def progress_line(now: Progress) -> str:
    """Progress in one line."""
    taken = now.files_found - len(now.files_waiting)
    rows = ", ".join(f"{layer} {count:,}" for layer, count in now.layer_rows.items())
    return f"{STAGES[now.stage]}: {taken:,} of {now.files_found:,} files; rows: {rows}"


def progress_grid(now: Progress, seconds: float) -> Grid:
    """Progress as a small table."""
    grid = Grid(box=None, show_header=False)
    grid.add_row("stage", STAGES[now.stage])
    grid.add_row("files", f"{now.files_found - len(now.files_waiting):,} of {now.files_found:,}")
    for layer, count in now.layer_rows.items():
        grid.add_row(layer, f"{text_of(count)} rows")
    grid.add_row("seconds", f"{seconds:.0f}")
    return grid
