"""Who may call while there is no authentication: programs of this machine, and nobody through a browser's back door.

Invariant: without a loopback address the service does not start; a request whose Host or Origin names another machine
is refused, so that no page of another site can send events from a visitor's browser.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from inventory_assets.api.problems import RefusedRequestError

NAMES = frozenset({"localhost"})


class OpenAddressError(ValueError):
    """The service would be open to other machines."""


def check_address(host: str) -> None:
    """Refuse an address that other machines can reach.

    Raises:
        OpenAddressError: it is not a loopback address.
    """
    if not is_loopback(host):
        raise OpenAddressError(
            f"INVENTORY_LISTENER__HOST is {host}: the service has no authentication yet and listens on loopback "
            "addresses only, such as 127.0.0.1; put a proxy that authenticates in front of it"
        )


def is_loopback(host: str) -> bool:
    """Whether a name or address stands for this machine alone."""
    if host.lower() in NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_caller(host: str, origin: str | None) -> None:
    """Refuse a request that was made for another name, or by a page of another site.

    Args:
        host: header Host.
        origin: header Origin, where there is one.

    Raises:
        RefusedRequestError: `host_refused` or `origin_refused`.
    """
    if not is_loopback(_name(f"//{host}")):
        raise RefusedRequestError("host_refused", f"{host[:100]!r} is not a name of this machine")
    if origin is not None and not is_loopback(_name(origin)):
        raise RefusedRequestError("origin_refused", f"a page of {origin[:100]!r} called")


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
