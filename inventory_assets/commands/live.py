"""The services of the live layer: `inventory live api|worker|all`.

`all` is what one machine needs: the embedded database, the HTTP service, the workers and the dispatcher of webhooks,
each a process of its own that is started again when it dies; one Ctrl-C stops them in order, the door first, the
database last.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inventory_assets.commands.output import Exit, errors, fail, load_settings, say, working
from inventory_assets.commands.signals import calling, deaf, terminable

if TYPE_CHECKING:
    from inventory_assets.live.database.server import EmbeddedServer
    from inventory_assets.operate.processes import Service
    from inventory_assets.operate.supervisor import Supervisor
    from inventory_assets.settings import Settings

live = typer.Typer(help="The live layer: events in, stock out.", no_args_is_help=True)
DOOR_SECONDS, WORKER_SECONDS = 5.0, 10.0
AFTER_THE_DOOR = 5
"""Niceness of workers: where the processor is short, events are taken in first, and urgent ones sooner seen."""

Port = Annotated[
    int | None, typer.Option(min=0, max=65_535, help="Port; INVENTORY_LISTENER__PORT where not said, 0 a free one.")
]


@live.command()
def api(port: Port = None) -> None:
    """Serve HTTP until Ctrl-C, with the embedded database where no URL is set; killed, that is started again."""
    from inventory_assets.api.app import Application
    from inventory_assets.api.hosts import OpenAddressError
    from inventory_assets.api.serving import PortTakenError, bound, run
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.database.ready import serving

    settings = load_settings()
    try:
        listening = bound(settings.listener.host, settings.listener.port if port is None else port)
    except (OpenAddressError, PortTakenError) as error:
        fail(str(error), Exit.USAGE)
    try:
        with terminable(), listening, serving(settings, say) as engine:
            host, taken = listening.getsockname()[:2]
            errors().print(f"events    http://{host}:{taken}/api/v1/events", markup=False)
            run(Application(settings, engine, settings.now), listening)
    except DatabaseError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.OK) from None


@live.command()
def worker(
    number: Annotated[int, typer.Option(min=0, help="Which of the workers this is, from 0.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="How many there are.")] = 1,
) -> None:
    """Apply events until Ctrl-C; several workers share one database. The first carries out replays asked for too."""
    from inventory_assets.live.database.opening import database_url
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.database.ready import serving
    from inventory_assets.live.processor.worker import Worker
    from inventory_assets.operate.replaying import replaying

    settings = load_settings()
    name = f"worker-{number}@{os.getpid()}"
    try:
        with terminable(), serving(settings, say) as engine:
            working_one = Worker(
                database_url(settings),
                settings.processor,
                number=number,
                workers=workers,
                name=name,
                clock=settings.now,
                lease_seconds=settings.database.lease_seconds,
            )
            with replaying(settings, engine, name) if number == 0 else nullcontext(), calling(working_one.stop):
                if os.name == "posix":
                    os.nice(AFTER_THE_DOOR)
                working_one.run()
    except DatabaseError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.OK) from None


@live.command("all")
def all_(
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; INVENTORY_PROCESSOR__WORKERS where not said.")
    ] = None,
    port: Port = None,
) -> None:
    """Database, HTTP service, workers and webhooks until Ctrl-C; what dies is started again."""
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.operate.processes import ServiceEndedError

    settings = load_settings()
    try:
        with terminable(), running(settings, os.environ, workers, port) as (look, address):
            errors().print(f"events    {address}/api/v1/events", markup=False)
            errors().print("Ctrl-C ends everything", markup=False)
            while True:
                look()
                time.sleep(1)
    except KeyboardInterrupt:
        errors().print("stopped")
        raise typer.Exit(Exit.OK) from None
    except (DatabaseError, ServiceEndedError) as error:
        fail(str(error))


@contextmanager
def running(
    settings: Settings, environment: Mapping[str, str], workers: int | None = None, port: int | None = None
) -> Iterator[tuple[Looking, str]]:
    """Database, HTTP service, workers and webhooks for as long as the block lasts.

    Args:
        settings: settings of the installation.
        environment: environment of the processes.
        workers: how many apply events, as the settings say by default.
        port: port of the service, that of the settings by default; the next free one.

    Yields:
        What starts again those that died, to be called again and again, and the address of the service.
    """
    from inventory_assets.api.hosts import OpenAddressError, check_address
    from inventory_assets.live.database.ready import is_embedded, serving
    from inventory_assets.live.database.server import EmbeddedServer
    from inventory_assets.operate.processes import PortsTakenError, free_port
    from inventory_assets.operate.supervisor import Supervisor

    host = settings.listener.host
    try:
        check_address(host)
        wanted = free_port(settings.listener.port if port is None else port, host)
    except (OpenAddressError, PortsTakenError) as error:
        fail(str(error), Exit.USAGE)
    api_service, behind = services(
        settings.data_dir.resolve(), environment, workers or settings.processor.workers, wanted
    )
    door, work = (Supervisor(lambda line: errors().print(line, markup=False)) for _ in range(2))
    with ExitStack() as database:
        with working("starting the database"):
            database.enter_context(serving(settings))
        try:
            for each in behind:
                work.start(each)
            door.start(api_service)
            server = EmbeddedServer(settings) if is_embedded(settings) else None
            yield Looking(server, door, work), f"http://{host}:{wanted}"
        finally:
            with deaf():
                door.stop(DOOR_SECONDS)
                work.stop(WORKER_SECONDS)
                database.close()


def services(
    data_dir: Path, environment: Mapping[str, str], workers: int, port: int
) -> tuple[Service, tuple[Service, ...]]:
    """The HTTP service; and what works behind it: the workers and the dispatcher of webhooks."""
    numbered = [
        service_of(
            data_dir,
            environment,
            f"live worker {number}",
            ("live", "worker", "--number", str(number), "--workers", str(workers)),
        )
        for number in range(workers)
    ]
    dispatcher = service_of(data_dir, environment, "live webhooks", ("webhook", "run"))
    return service_of(data_dir, environment, "live api", ("live", "api", "--port", str(port))), (*numbered, dispatcher)


def service_of(data_dir: Path, environment: Mapping[str, str], name: str, arguments: Sequence[str]) -> Service:
    """An `inventory` command as a service.

    Args:
        data_dir: data folder; its log goes to `logs/` there.
        environment: environment of the process.
        name: name for people.
        arguments: the command.
    """
    from inventory_assets.operate.processes import Service

    command = (sys.executable, "-m", "inventory_assets.cli", *arguments)
    return Service(name, command, data_dir / "logs" / f"{name.replace(' ', '-')}.log", dict(environment))


class Looking:
    """Starts again those that died."""

    def __init__(self, server: EmbeddedServer | None, *supervisors: Supervisor) -> None:
        """Nothing is looked at yet.

        Args:
            server: the embedded database, asked first; None where there is none.
            supervisors: asked in this order.
        """
        from inventory_assets.live.database.keeping import Keeper

        self._keeper = None if server is None else Keeper(server, lambda line: errors().print(line, markup=False))
        self._supervisors = supervisors

    def __call__(self) -> None:
        """One look.

        Raises:
            ServiceEndedError: a service dies again and again and never lived.
        """
        if self._keeper is not None:
            self._keeper.look()
        for each in self._supervisors:
            each.look()
