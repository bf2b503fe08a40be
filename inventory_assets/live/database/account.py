"""Who the embedded server runs as: the user of this process, or for root a named user, as PostgreSQL refuses root.

Invariant: no permission of any folder outside the server's own is changed. A folder the named user cannot enter is an
error with a way out, never a reason to open it.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from inventory_assets.live.database.problems import AccountError

USUAL = ("postgres", "nobody")
"""Users root drops to where the settings name none: the first one that exists."""


class Dropping(TypedDict, total=False):
    """Options of `subprocess` that drop privileges; none where there is nothing to drop."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine.

    Attributes:
        name: login name.
        uid: user id.
        gid: id of the primary group; the server has no other.
    """

    name: str
    uid: int
    gid: int

    @property
    def dropping(self) -> Dropping:
        """How `subprocess` becomes this user; as an ordinary user we are it already."""
        return {} if os.geteuid() == self.uid else {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account(named: str, folder: Path) -> Account:
    """The user the server of a folder runs as.

    Args:
        named: name root drops to; empty for the usual ones.
        folder: the server's folder; where it exists, its owner has the last word, so that a user added to the machine
            later does not change who may read it.

    Raises:
        AccountError: no such user.
    """
    own = os.geteuid()
    if own != 0:
        return _by_id(own)
    if folder.exists() and (owner := folder.stat().st_uid) != 0:
        return _by_id(owner)
    for name in (named,) if named else USUAL:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise AccountError(
        f"PostgreSQL does not run as root, and there is no user {named or ' or '.join(USUAL)} to run it as; "
        "set INVENTORY_DATABASE__RUN_AS to an ordinary user of this machine, or run as one"
    )


def check_reachable(account: Account, path: Path, setting: str) -> None:
    """Refuse a path the account cannot get to.

    Args:
        account: user of the server.
        path: a path of which some parents exist.
        setting: the variable that moves it elsewhere, for the message.

    Raises:
        AccountError: a parent is closed to the account.
    """
    for parent in closed_parents(account, path):
        raise AccountError(
            f"the server runs as {account.name}, who cannot enter {parent}, a parent of {path}; set {setting} to a "
            "folder everybody can get to, for example /var/lib/inventory, or run this program as an ordinary user"
        )


def closed_parents(account: Account, path: Path) -> Iterator[Path]:
    """Existing parents of a path the account cannot enter, the outermost first."""
    if account.uid == os.geteuid():
        return
    for parent in reversed(path.parents):
        if not parent.exists():
            continue
        found = parent.stat()
        if found.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            yield parent


def _by_id(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise AccountError(
            f"user id {uid} has no entry in the user database, without which initdb does not run; add one to "
            "/etc/passwd (in containers: an image user, or libnss-wrapper), or set INVENTORY_DATABASE_URL"
        ) from None
    return Account(found.pw_name, found.pw_uid, found.pw_gid)
