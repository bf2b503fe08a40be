"""The gentle stream of `inventory demo`: a simulated retailer beside the live service, so that stock is seen to move.

Of a simulated history the stream has the items and stores, and the live layer is opened with the position of that
history first; beside any other data it has its own, and begins by stating what is there. Invariant: a stream that
fails never ends the demo.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from inventory_assets.commands.live import service_of
from inventory_assets.commands.output import errors, working
from inventory_assets.commands.signals import deaf

if TYPE_CHECKING:
    from inventory_assets.commands.landing import Origin
    from inventory_assets.operate.supervisor import Supervisor
    from inventory_assets.settings import Settings

GENTLE_RATE = 5.0
"""Events a second."""
READY_SECONDS, STOP_SECONDS = 60.0, 5.0


@contextmanager
def stream_beside(
    settings: Settings, address: str, origin: Origin, seed: int, *, wanted: bool
) -> Iterator[tuple[Callable[[], None], bool]]:
    """The stream for as long as the block lasts.

    Args:
        settings: settings of the installation.
        address: base address of the live service; empty where it does not run, and nothing is sent then.
        origin: where the data of the installation came from.
        seed: seed of the simulated history.
        wanted: whether there is a stream at all.

    Yields:
        What keeps it running, to be called again and again, and whether it was started.
    """
    from inventory_assets.operate.processes import serving_of
    from inventory_assets.operate.supervisor import Supervisor

    if not (wanted and address and _ready(address)):
        yield (lambda: None), False
        return
    simulated = origin == "simulated"
    if simulated:
        _open(settings)
    arguments = ["simulate", "stream", "--to", address, "--rate", str(GENTLE_RATE), "--seed", str(seed)]
    arguments += ["--no-opening"] if simulated else []
    supervisor = Supervisor(lambda line: errors().print(line, markup=False))
    with ExitStack() as stack:
        stack.callback(_end, supervisor)
        data_dir = settings.data_dir.resolve()
        supervisor.start(service_of(data_dir, {**os.environ, **serving_of(data_dir)}, "live stream", arguments))
        yield _looking(supervisor), True


def say_stream(address: str, item: str | None) -> None:
    """Where to look.

    Args:
        address: base address of the live service.
        item: an item that is sold often; None where it is not known.
    """
    console = errors()
    console.print(f"stream    {GENTLE_RATE:g} simulated events a second; --no-stream goes without", markup=False)
    console.print(f"look      curl -s '{address}/api/v1/events?limit=5'", markup=False)
    if item is not None:
        console.print(f"          curl -s '{address}/api/v1/inventory/{item}'", markup=False)


def _ready(address: str) -> bool:
    """Wait until the service takes events."""
    import httpx

    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):  # it is still starting
            if httpx.get(f"{address}/readyz", timeout=2, trust_env=False).is_success:
                return True
        time.sleep(0.2)
    errors().print("the live service takes no events yet, so there is no stream; see logs/live-api.log", markup=False)
    return False


def _open(settings: Settings) -> None:
    """State the stock of the history in the live layer, once."""
    from inventory_assets.lakehouse.writing import sole_writer
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.operate.forwarding import OpeningError, open_live
    from inventory_assets.operate.live_log import live_engine
    from inventory_assets.pipeline.forwarding import is_open
    from inventory_assets.pipeline.open import open_workspace

    workspace = open_workspace(settings, settings.now)
    if is_open(workspace.lake):
        return
    try:
        with (
            working("stating the stock of the history in the live layer"),
            live_engine(settings) as engine,
            sole_writer(settings.writer_lock, lambda: errors().print("waiting for another writer of the lake")),
        ):
            open_live(workspace, engine)
    except (DatabaseError, OpeningError) as error:
        errors().print(f"the live layer begins without the stock of the history: {error}", markup=False)


def _looking(supervisor: Supervisor) -> Callable[[], None]:
    from inventory_assets.operate.processes import ServiceEndedError

    given_up = False

    def look() -> None:
        nonlocal given_up
        if given_up:
            return
        try:
            supervisor.look()
        except ServiceEndedError as error:
            given_up = True
            errors().print(str(error), markup=False)

    return look


def _end(supervisor: Supervisor) -> None:
    with deaf():
        supervisor.stop(STOP_SECONDS)
