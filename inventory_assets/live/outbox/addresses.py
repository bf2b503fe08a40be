"""Which addresses webhooks may be sent to: a server of ours must not be made to call into our own network.

A name is resolved once, all its addresses are judged, and the connection is made to one of the judged ones; what the
name resolves to a moment later does not matter. Pure but for the resolver, which is passed in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → addresses as text."""

LONGEST_URL = 2048
_PORTS = {"http": 80, "https": 443}
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class TargetRefusedError(ValueError):
    """An address webhooks are not sent to."""


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """What is allowed.

    Attributes:
        plain_http: whether addresses without TLS are.
        networks: networks that are, private ones too; any port is there.
        ports: ports elsewhere.
    """

    plain_http: bool = False
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({80, 443, 8080, 8443})


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed address.

    Attributes:
        scheme: http or https.
        host: as it was written, without brackets.
        port: the port.
        path: path and query, beginning with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Value of the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: Address) -> str:
        """The same at an address instead of a name."""
        host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IP version
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_target(url: str, policy: TargetPolicy) -> Target:
    """Read an address people registered.

    Raises:
        TargetRefusedError: it cannot be called, or may not be.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise TargetRefusedError(
            f"the address has characters an address does not have, or more than {LONGEST_URL}; write it percent-encoded"
        )
    parts, port = _parts(url)
    if parts.scheme not in _PORTS:
        raise TargetRefusedError("the address begins with https://")
    if parts.scheme == "http" and not policy.plain_http:
        raise TargetRefusedError(
            "the address begins with http://: what is sent could be read on the way. Use https://, or set "
            "INVENTORY_WEBHOOKS__PLAIN_HTTP=true"
        )
    if not parts.hostname:
        raise TargetRefusedError("the address names no host")
    if parts.username is not None or parts.password is not None:
        raise TargetRefusedError("the address holds a user name or password; the signature says who sends")
    if parts.fragment:
        raise TargetRefusedError("the address has a fragment, which is never sent")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


async def pinned(target: Target, policy: TargetPolicy, resolve: Resolver) -> Address:
    """The address to connect to; all the name has are judged.

    Args:
        target: where to.
        policy: what is allowed.
        resolve: asks for the addresses of a name.

    Raises:
        TargetRefusedError: the name has none, or one that is refused.
    """
    try:
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in await resolve(target.host, target.port)]
    except (OSError, UnicodeError) as error:  # the second: a label that is empty or too long
        raise TargetRefusedError(f"{target.host} has no address: {error}") from error
    if not found:
        raise TargetRefusedError(f"{target.host} has no address")
    for address in found:
        why = refusal(address, target.port, policy)
        if why is not None:
            raise TargetRefusedError(f"{target.host} is {address}: {why}")
    return found[0]


def refusal(address: Address, port: int, policy: TargetPolicy) -> str | None:
    """Why nothing is sent to an address; None where it is.

    Args:
        address: the address.
        port: the port there.
        policy: what is allowed.
    """
    real = embedded(address)
    if any(
        each.version == network.version and each in network for each in (address, real) for network in policy.networks
    ):
        return None
    unicast = real.version == 4 or real in _GLOBAL_UNICAST  # noqa: PLR2004 - IP version
    if not unicast or not real.is_global or real.is_multicast or real.is_reserved:
        return (
            "private, local, shared, multicast and reserved addresses are refused; allow the network with "
            "INVENTORY_WEBHOOKS__NETWORKS if it is meant"
        )
    if port not in policy.ports:
        return f"port {port} is not among INVENTORY_WEBHOOKS__PORTS ({', '.join(map(str, sorted(policy.ports)))})"
    return None


def embedded(address: Address) -> Address:
    """The IPv4 address an IPv6 one stands for (mapped, 6to4, Teredo, NAT64), or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system."""
    import asyncio
    import socket

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _parts(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetRefusedError(f"the address cannot be read: {error}") from error
    return parts, port
