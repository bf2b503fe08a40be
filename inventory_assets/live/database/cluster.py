"""The folder of the embedded server: where its parts lie, its configuration, and which process serves it.

Starting and stopping is `server`. Invariant: a process counts as the server only if its id *and* its command line say
so; ids are reused, and after a kill the file that names one stays behind.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psutil

from inventory_assets.live.database.problems import AccountError

ROLE = DATABASE = "inventory"
PORT = 5432
"""Names the socket; no port is opened."""
LONGEST_SOCKET = 100
"""Bytes of a socket's path on every system we run on (Linux 107, macOS 103)."""

STATE_AT, SHUT_DOWN = 16, (1, 2)
"""Where `global/pg_control` says what the server did last, and its values for one that was shut down, also while it
followed another (`DBState` in PostgreSQL's `catalog/pg_control.h`)."""
State = Literal["absent", "stopped", "stale", "starting", "running"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one embedded server lies.

    Attributes:
        folder: its own folder, closed to others.
        sockets: a short private folder for its socket.
    """

    folder: Path
    sockets: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "cluster"

    @property
    def unfinished(self) -> Path:
        """A data folder being made; it becomes `cluster` in one step."""
        return self.folder / "cluster.new"

    @property
    def start_log(self) -> Path:
        """What the server said until it opened its own log."""
        return self.folder / "start.log"

    @property
    def logs(self) -> Path:
        """Logs of the server, one a day of the week."""
        return self.folder / "logs"

    @property
    def owner(self) -> Path:
        """File that names the process which stops the server when it ends."""
        return self.folder / "owner.json"

    @property
    def lock(self) -> Path:
        """File whose lock is held while the server is started or stopped."""
        return self.folder / "supervisor.lock"

    @property
    def own_settings(self) -> Path:
        """Settings of the server people add by hand; never written here."""
        return self.folder / "custom.conf"

    @property
    def url(self) -> str:
        """How everybody connects."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.sockets), safe='')}&port={PORT}"


@dataclass(frozen=True, slots=True)
class PidFile:
    """What `postmaster.pid` says.

    Attributes:
        pid: process id of the server that wrote it.
        ready: whether that server had opened for connections.
    """

    pid: int
    ready: bool


def place_of(folder: Path, sockets: Path | None, uid: int) -> Place:
    """Where the server of a folder lies.

    Args:
        folder: its folder, absolute.
        sockets: folder of its socket; by default one in /tmp, named after the folder, as paths of sockets are short.
        uid: user id of the server.
    """
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Place(folder, sockets or Path("/tmp") / f"inventory-{uid}-{digest}")  # noqa: S108 - made closed, checked


def configuration(place: Place, shared_buffers_mb: int, max_connections: int) -> str:
    """Text of `postgresql.conf`, written before each start."""
    return f"""# Written before every start. Your own settings go to {place.own_settings.name} beside this folder.
listen_addresses = ''
unix_socket_directories = '{_quoted(place.sockets)}'
unix_socket_permissions = 0700
port = {PORT}
max_connections = {max_connections}
superuser_reserved_connections = 3

fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = replica
max_wal_size = 2GB
checkpoint_timeout = 10min
checkpoint_completion_target = 0.9

shared_buffers = {shared_buffers_mb}MB
jit = off
max_parallel_workers_per_gather = 0
autovacuum_naptime = 15s
idle_in_transaction_session_timeout = 60s
client_connection_check_interval = 1s

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = '{_quoted(place.logs)}'
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%a '
log_checkpoints = off

include_if_exists = '{_quoted(place.own_settings)}'
"""


ACCESS = """# Only the folder's owner and root reach the socket, so whoever reaches it is let in. There is no port.
local all all trust
local replication all trust
"""
"""Text of `pg_hba.conf`."""


def state(place: Place) -> State:
    """What the folder and the processes of this machine say, together.

    Raises:
        AccountError: the folder is another user's.
    """
    try:
        if not (place.cluster / "PG_VERSION").exists():
            return "absent"
    except PermissionError:
        raise AccountError(
            f"{place.folder} belongs to another user, whose server it is; run this as that user or as root"
        ) from None
    found = read_pid_file(place.cluster)
    if found is None:
        return "stopped" if shut_down(place.cluster) else "stale"
    if postmaster(place.cluster) is None:
        return "stale"
    return "running" if found.ready else "starting"


def shut_down(cluster: Path) -> bool:
    """Whether the server of a data folder was stopped in order, as far as its control file can be read.

    A server that cannot write its log any more, on a full disk, ends itself and takes `postmaster.pid` away.
    """
    try:
        control = (cluster / "global" / "pg_control").read_bytes()
    except FileNotFoundError:
        return True
    return int.from_bytes(control[STATE_AT : STATE_AT + 4], sys.byteorder) in SHUT_DOWN


def read_pid_file(cluster: Path) -> PidFile | None:
    """The content of `postmaster.pid`; None where there is none or it is still being written."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if pid <= 0:  # a single-user process, as initdb runs them, writes its id with a minus
        return None
    return PidFile(pid, len(lines) > 7 and lines[7].strip() == "ready")  # noqa: PLR2004 - the file's eighth line


def postmaster(cluster: Path) -> psutil.Process | None:
    """The process that serves a data folder, by `postmaster.pid` and its command line; None if there is none."""
    found = read_pid_file(cluster)
    if found is None:
        return None
    try:
        process = psutil.Process(found.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process if serves(process.cmdline(), cluster) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def serves(command: list[str], cluster: Path) -> bool:
    """Whether a command line is that of a server of this data folder."""
    if not command or Path(command[0]).name not in {"postgres", "postgres.exe"}:
        return False
    named = [after for option, after in pairwise(command) if option == "-D"]
    return any(Path(each).resolve() == cluster.resolve() for each in named)


def orphans(cluster: Path) -> Iterator[psutil.Process]:
    """Processes a killed server left behind; they work in its data folder."""
    folder = cluster.resolve()
    for process in psutil.process_iter(["name"]):
        try:
            if process.name().startswith("postgres") and Path(process.cwd()) == folder:
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
