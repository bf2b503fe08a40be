"""The services of `inventory demo`: a code server for each module of the workspace, the webserver, the daemon.

Webserver and daemon could start code servers of their own. Nobody would start those again: the webserver never does,
the daemon makes a new one every minute whether the old one lives or not. One that is a service of its own is started
again at once, both find it again by its socket, and code is loaded once. Invariant: `workspace.yaml` stays as it is;
what is served from is written beside it.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inventory_assets.operate.instance import InstanceError, services
from inventory_assets.operate.processes import Service

SERVED = "served.yaml"
SOCKET_SECONDS = 60.0
LOOK_SECONDS = 0.1
OPTIONS = {
    "module_name": "--module-name", "attribute": "--attribute", "working_directory": "--working-directory",
    "location_name": "--location-name",
}  # fmt: skip


def served(
    data_dir: Path, home: Path, port: int, environment: Mapping[str, str], sockets: Path
) -> tuple[tuple[tuple[Service, Path], ...], tuple[Service, Service]]:
    """Code servers with the socket each answers on, then webserver and daemon.

    Args:
        data_dir: data folder, absolute; logs go to `logs/` below it.
        home: folder of the instance, prepared.
        port: port of the webserver on the loopback address.
        environment: environment to start from.
        sockets: an empty private folder with a short name; a socket's path may have some hundred characters.

    Raises:
        InstanceError: `workspace.yaml` cannot be used.
    """
    import yaml

    webserver, daemon = services(data_dir, home, port, environment, workspace=home / SERVED)
    source = home / "workspace.yaml"
    try:
        entries = yaml.safe_load(source.read_text("utf-8"))["load_from"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InstanceError(f"{source} names no code: {error}; mend it, or remove it to get the project's") from error
    code: list[tuple[Service, Path]] = []
    rewritten = []
    for entry in entries:
        options = module_of(entry)
        if options is None:
            rewritten.append(entry)
            continue
        path = sockets / f"{len(code)}.sock"
        name = options.setdefault("location_name", options["module_name"])
        named = [part for key, option in OPTIONS.items() if key in options for part in (option, str(options[key]))]
        python = options.get("executable_path") or sys.executable
        command = (python, "-m", "dagster", "api", "grpc", "--lazy-load-user-code", "--socket", str(path), *named)
        log = data_dir / "logs" / f"dagster-code-{len(code)}.log"
        code.append((Service(f"code server of {name}", command, log, webserver.environment), path))
        rewritten.append({"grpc_server": {"host": "localhost", "socket": str(path), "location_name": name}})
    (home / SERVED).write_text(
        f"# Written at every start from {source.name}; edit that.\n{yaml.safe_dump({'load_from': rewritten})}", "utf-8"
    )
    return tuple(code), (webserver, daemon)


def module_of(entry: object) -> dict[str, Any] | None:
    """Options of a workspace entry that loads a module, None for any other; Dagster itself serves those."""
    if not isinstance(entry, dict) or list(entry) != ["python_module"]:
        return None
    named = entry["python_module"]
    return {"module_name": named} if isinstance(named, str) else dict(named)


def await_socket(path: Path, look: Callable[[], None], seconds: float = SOCKET_SECONDS) -> None:
    """Wait until somebody answers on a socket.

    Args:
        path: the socket.
        look: called again and again meanwhile; may raise.
        seconds: how long to wait at most.

    Raises:
        InstanceError: nobody answered.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        look()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(LOOK_SECONDS)
    raise InstanceError(f"the code server did not answer on {path} within {seconds:.0f} s; its log is in logs/")
