"""Host names and addresses."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine: nothing sent to it leaves it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
