"""Starts and stops the embedded server.

Invariants: whoever starts or stops holds a lock, so two never do at once. A server that runs is never started twice
and never restarted; one left behind by a killed owner is taken over; one that was killed is started again on the same
data. Only processes proven to be this server's are ever signalled. No setting of a parent folder changes.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from inventory_assets.live.database.account import Account, check_reachable, server_account
from inventory_assets.live.database.binaries import reachable, run
from inventory_assets.live.database.cluster import (
    ACCESS,
    DATABASE,
    LONGEST_SOCKET,
    PORT,
    ROLE,
    Place,
    State,
    configuration,
    orphans,
    place_of,
    postmaster,
    state,
)
from inventory_assets.live.database.problems import DatabaseError, ServerStartError, ServerStopError
from inventory_assets.settings import Settings

POLL_SECONDS = 0.02
RETRY_SECONDS = 0.2
ORPHANS_SECONDS = 1.0
"""So long processes of a killed server may take to notice; then they are told to quit."""
TRANSIENT = ("already exists", "pre-existing shared memory block", "is still in use")
"""What a server says that finds traces of a killed one; it passes."""
SPARE_CONNECTIONS = 30
LOG_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that stops the server when it ends.

    Attributes:
        pid: its id.
        began: when it began, as the machine tells it; tells a reused id.
    """

    pid: int
    began: float

    def alive(self) -> bool:
        """Whether that process still runs."""
        with suppress(psutil.NoSuchProcess):
            return abs(psutil.Process(self.pid).create_time() - self.began) < 1.0
        return False


@dataclass(frozen=True, slots=True)
class Status:
    """How the embedded server is.

    Attributes:
        state: see `cluster.State`.
        pid: process id of the server, where it runs.
        owner: process id of its owner; None where it was started by hand or the owner died.
        folder: its folder.
        url: how to connect.
    """

    state: State
    pid: int | None
    owner: int | None
    folder: Path
    url: str


class EmbeddedServer:
    """The server of one installation: `start` and `stop` by hand, or `owned` for as long as a process serves."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read or started yet but the user database.

        Args:
            settings: the installation.

        Raises:
            AccountError: there is no user to run as.
        """
        folder = settings.database_folder
        self._options = settings.database
        self.account: Account = server_account(settings.database.run_as, folder)
        self.place: Place = place_of(folder, settings.database.socket_folder, self.account.uid)

    def status(self) -> Status:
        """What is there now; changes nothing."""
        now = state(self.place)
        process, owner = postmaster(self.place.cluster), self._owner()
        return Status(
            state=now,
            pid=process.pid if process else None,
            owner=owner.pid if process and owner and owner.alive() else None,
            folder=self.place.folder,
            url=self.place.url,
        )

    def start(self) -> bool:
        """Start the server unless it runs; it then runs until `stop`, whatever becomes of this process.

        Returns:
            Whether it was started.

        Raises:
            DatabaseError: it did not start.
        """
        with self._locked():
            began, owner = self._start(), self._owner()
            if owner is not None and not owner.alive():
                self.place.owner.unlink(missing_ok=True)
            return began

    def is_ours(self) -> bool:
        """Whether this process owns the server, or nobody does: one started by hand, or whose owner died."""
        owner = self._owner()
        return owner is None or owner.pid == os.getpid() or not owner.alive()

    def look(self) -> bool:
        """Start the server again if it was killed; one that was stopped stays stopped. To be called every second.

        Returns:
            Whether it was started.

        Raises:
            DatabaseError: it did not start.
        """
        if state(self.place) != "stale":
            return False
        with self._locked():
            return state(self.place) == "stale" and self._start()

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server if it runs; open transactions are rolled back.

        Args:
            force: also if another living process owns it.

        Returns:
            Whether it ran.

        Raises:
            ServerStopError: another process owns it, or it did not end.
        """
        if state(self.place) == "absent":
            return False
        with self._locked():
            owner = self._owner()
            if not force and owner and owner.pid != os.getpid() and owner.alive() and postmaster(self.place.cluster):
                raise ServerStopError(
                    f"process {owner.pid} owns the database server of {self.place.folder} and stops it when it ends; "
                    "end that process, or force the stop"
                )
            return self._stop()

    @contextmanager
    def owned(self) -> Iterator[str]:
        """The server's URL; the server is stopped afterwards if this process started it or its owner had died.

        A server another living process owns, or one started by hand, is used and left running.

        Raises:
            DatabaseError: it did not start.
        """
        with self._locked():
            owner, began = self._owner(), self._start()
            mine = not owner.alive() if owner else began
            if mine:
                self._become_owner()
        try:
            yield self.place.url
        finally:
            if mine:
                with self._locked():
                    self._stop()

    def _start(self) -> bool:
        deadline = time.monotonic() + self._options.start_seconds
        if self._joined(deadline):
            return False
        programs = reachable(self.account, self.place.folder) / "bin"
        if state(self.place) == "absent":
            self._make(programs)
        self._configure()
        while True:
            self._clear_traces(deadline)
            if self._joined(deadline):  # a starter that was killed left a server that went on starting
                return False
            code, said = self._launch(programs, max(1, round(deadline - time.monotonic())))
            if code == 0:
                self._make_database()
                return True
            if not any(sign in said for sign in TRANSIENT) or time.monotonic() + RETRY_SECONDS > deadline:
                raise ServerStartError(
                    f"the database server of {self.place.folder} did not start, for which it has "
                    f"{self._options.start_seconds:g} s (INVENTORY_DATABASE__START_SECONDS); its logs are "
                    f"{self.place.start_log} and {self.place.logs}:\n{said[-LOG_TAIL:]}"
                )
            time.sleep(RETRY_SECONDS)

    def _launch(self, programs: Path, seconds: int) -> tuple[int, str]:
        self.place.start_log.unlink(missing_ok=True)
        options = ("-D", str(self.place.cluster), "-l", str(self.place.start_log), "-w", "-t", str(seconds))
        done = run(programs / "pg_ctl", ("start", *options), self.account, self.place.folder, seconds + 30)
        log = self.place.start_log
        return done.code, "\n".join([done.output, log.read_text("utf-8", "replace") if log.exists() else ""])

    def _stop(self) -> bool:
        if postmaster(self.place.cluster) is None:
            self.place.owner.unlink(missing_ok=True)
            return False
        programs = reachable(self.account, self.place.folder) / "bin"
        seconds = self._options.stop_seconds
        options = ("-D", str(self.place.cluster), "-m", "fast", "-w", "-t", str(max(1, round(seconds))))
        done = run(programs / "pg_ctl", ("stop", *options), self.account, self.place.folder, seconds + 30)
        if postmaster(self.place.cluster) is not None:
            raise ServerStopError(f"the database server of {self.place.folder} did not stop: {done.output}")
        self.place.owner.unlink(missing_ok=True)
        shutil.rmtree(self.place.sockets, ignore_errors=True)
        return True

    def _make(self, programs: Path) -> None:
        """Make the data folder; it gets its name when it is whole."""
        self._await_gone(self.place.unfinished, time.monotonic() + self._options.start_seconds)
        if self.place.unfinished.exists():
            shutil.rmtree(self.place.unfinished)
        options = (
            "-D", str(self.place.unfinished), "-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--data-checksums", "--no-instructions",
        )  # fmt: skip
        done = run(programs / "initdb", options, self.account, self.place.folder, self._options.start_seconds)
        if done.code:
            raise ServerStartError(f"initdb could not make {self.place.cluster}: {done.output[-LOG_TAIL:]}")
        self.place.unfinished.rename(self.place.cluster)

    def _configure(self) -> None:
        socket = self.place.sockets / f".s.PGSQL.{PORT}.lock"
        if len(str(socket).encode()) > LONGEST_SOCKET:
            raise ServerStartError(
                f"{socket} is longer than {LONGEST_SOCKET} bytes, which sockets cannot be; "
                "set INVENTORY_DATABASE__SOCKET_FOLDER to a shorter path"
            )
        check_reachable(self.account, self.place.sockets, "INVENTORY_DATABASE__SOCKET_FOLDER")
        self._own_folder(self.place.sockets, "INVENTORY_DATABASE__SOCKET_FOLDER")
        self._own_folder(self.place.logs, "INVENTORY_DATABASE__FOLDER")
        connections = self._options.pool_most * 2 + SPARE_CONNECTIONS
        self._write("postgresql.conf", configuration(self.place, self._options.shared_buffers_mb, connections))
        self._write("pg_hba.conf", ACCESS)

    def _write(self, name: str, text: str) -> None:
        target = self.place.cluster / name
        target.write_text(text, "utf-8")
        self._give(target)

    def _clear_traces(self, deadline: float) -> None:
        """Remove what a killed server left, once nothing of it runs any more."""
        self._await_gone(self.place.cluster, deadline)
        if postmaster(self.place.cluster) is not None:
            return
        (self.place.cluster / "postmaster.pid").unlink(missing_ok=True)
        for left in self.place.sockets.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)

    def _await_gone(self, cluster: Path, deadline: float) -> None:
        """Wait until nothing works in a data folder any more; who does not notice is told to quit."""
        told = time.monotonic() + ORPHANS_SECONDS
        while (remaining := list(orphans(cluster))) and postmaster(cluster) is None:
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"processes {', '.join(str(each.pid) for each in remaining)} of a killed server still work in "
                    f"{cluster}; end them, then start again"
                )
            if time.monotonic() > told:
                for process in remaining:
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGQUIT)
                told = time.monotonic() + ORPHANS_SECONDS
            time.sleep(POLL_SECONDS)

    def _joined(self, deadline: float) -> bool:
        """Whether a server runs; one that still starts is waited for."""
        if postmaster(self.place.cluster) is None:
            return False
        while state(self.place) != "running":
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"the database server of {self.place.folder} is still starting; see {self.place.logs}"
                )
            time.sleep(POLL_SECONDS)
        self._make_database()
        return True

    def _make_database(self) -> None:
        import psycopg
        from psycopg import sql

        try:
            with psycopg.connect(self.place.url, dbname="postgres", autocommit=True) as connection:
                there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if there is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.Error as error:
            raise ServerStartError(f"the server of {self.place.folder} started and went away again: {error}") from error

    def _owner(self) -> Owner | None:
        try:
            content = json.loads(self.place.owner.read_text("utf-8"))
            return Owner(int(content["pid"]), float(content["began"]))
        except (FileNotFoundError, PermissionError, ValueError, KeyError):
            return None

    def _become_owner(self) -> None:
        me = psutil.Process()
        text = json.dumps({"pid": me.pid, "began": me.create_time()})
        unfinished = self.place.owner.with_suffix(".new")
        unfinished.write_text(text, "utf-8")
        unfinished.replace(self.place.owner)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder's lock; it ends with the process, whatever ends it."""
        check_reachable(self.account, self.place.folder, "INVENTORY_DATABASE__FOLDER")
        self.place.folder.parent.mkdir(parents=True, exist_ok=True)
        check_reachable(self.account, self.place.folder, "INVENTORY_DATABASE__FOLDER")
        self._own_folder(self.place.folder, "INVENTORY_DATABASE__FOLDER")
        deadline = time.monotonic() + self._options.start_seconds + self._options.stop_seconds
        descriptor = os.open(self.place.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise DatabaseError(
                            f"another process has been starting or stopping the database server of "
                            f"{self.place.folder} for too long; find it by its lock {self.place.lock}"
                        ) from None
                    time.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def _own_folder(self, folder: Path, setting: str) -> None:
        """Make a folder that only the server's user can enter; one that is there must be so."""
        if not folder.exists():
            made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            self._give(made)
            try:
                made.rename(folder)  # it has its owner before it has its name: others may start at the same time
            except OSError:
                made.rmdir()
                if not folder.exists():
                    raise
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid != self.account.uid or found.st_mode & 0o077:
            raise ServerStartError(
                f"{folder} must be a folder of user {self.account.name} that nobody else can enter; "
                f"mend that (chown {self.account.name}, chmod 700), or set {setting} to another one"
            )

    def _give(self, path: Path) -> None:
        if os.geteuid() != self.account.uid:
            os.chown(path, self.account.uid, self.account.gid)
