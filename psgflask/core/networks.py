"""Clients by their IP address: the networks that rate limits count by; this machine."""

import re
from ipaddress import IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"
WITH_PORT = re.compile(
    r"\[(?P<bracketed>[^\[\]]+)\](?::\d{1,5})?|(?P<plain>[\d.]+):\d{1,5}", re.ASCII
)


def network_of(remote_addr: str | None) -> str:
    """Return a client's network: an IPv4 address unchanged, for an IPv6 address its /64.

    A household or a telephone has a whole /64 and can use any address in it (RFC 6177).
    A port after the address, as some proxies write it into X-Forwarded-For, is ignored.
    All that is not an IP address, such as the peer of a Unix socket, is one network.
    """
    text = (remote_addr or "").strip().strip('"').strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["bracketed"] or match["plain"]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def supernet_of(network: str) -> str:
    """Return the wider network around one of `network_of`: an IPv6 /48, an IPv4 /24.

    A /48 is what one site is given; it contains 65,536 networks (RFC 6177).
    """
    try:
        within = ip_network(network)
    except ValueError:
        return network
    return str(within.supernet(new_prefix=48 if within.version == 6 else 24))


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine: nothing sent to it leaves it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
