"""Runs the service in uvicorn: on a loopback address, and stopped within two seconds with an answer to everybody.

A signal closes the listening socket, gives open requests half a second, answers the rest with 503, writes what was
handed to the log, and ends.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from inventory_assets.api.hosts import check_address

if TYPE_CHECKING:
    from inventory_assets.api.app import Application

LOG = logging.getLogger(__name__)
BACKLOG = 1024
IDLE_SECONDS = 15
SWITCH_SECONDS = 0.0005
"""How long the event loop may keep the interpreter from the thread that writes, which asks for it at every answer of
the database; the usual 5 ms would cost it a multiple of the commit."""
MOST_HEADER_BYTES = 32_768


class PortTakenError(OSError):
    """Somebody listens on the port already."""


class Server(uvicorn.Server):
    """A uvicorn server that tells the service when it begins to stop."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        """Nothing runs yet.

        Args:
            config: of uvicorn.
            application: the service.
        """
        super().__init__(config)
        self._application = application
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal; see uvicorn."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal does not wait for anybody. Whoever called `run` goes on afterwards."""
        self.force_exit = self.should_exit
        self.begin_stop()

    def begin_stop(self) -> None:
        """Take nothing new and give open requests a last moment; may be called from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._application.front.stop)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on a loopback address.

    Raises:
        OpenAddressError: the address is not one.
        PortTakenError: the port is taken.
    """
    check_address(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise PortTakenError(
            f"{host}:{port} cannot be listened on: {error.strerror}; INVENTORY_LISTENER__PORT names another port"
        ) from error
    return made


def server_of(application: Application) -> Server:
    """The server of a service, not running yet."""
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks whom a proxy speaks for
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
    )
    return Server(config, application)


def run(application: Application, listening: socket.socket) -> None:
    """Serve on a socket until SIGTERM or SIGINT; the interpreter is this service's own."""
    sys.setswitchinterval(SWITCH_SECONDS)
    server_of(application).run([listening])
