"""E-mail addresses: read as people type them, compared in one spelling; networks in limits."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

LONGEST = 254  # RFC 5321, 4.5.3.1.3, less the two angle brackets
UNKNOWN = "unknown"
WITH_PORT = re.compile(
    r"\[(?P<bracketed>[^\[\]]+)\](?::\d{1,5})?|(?P<plain>[\d.]+):\d{1,5}", re.ASCII
)


class AddressUnreadable(ValueError):
    """What was typed is no e-mail address that a mail could reach."""

    field = "email"
    message = "This is not an e-mail address: it should look like name@example.org"

    def __init__(self) -> None:
        super().__init__(self.message)


@dataclass(frozen=True)
class Address:
    """An e-mail address: as mails are sent to it, and as it is compared and stored."""

    written: str
    same: str


def read(typed: str) -> Address:
    """Read an address as people type it, or copy it from a mail program.

    Spaces around it, `mailto:`, angle brackets and a full stop after it are no part of it.
    Raises AddressUnreadable.
    """
    # It costs start-up 50 ms, and only forms and the secretary's commands want it.
    from email_validator import EmailNotValidError, validate_email

    if len(typed) > 2 * LONGEST:  # not worth the work of reading it
        raise AddressUnreadable
    try:
        found = validate_email(_bare(typed), check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise AddressUnreadable from error
    # Capitals alone are folded: Unicode's case folding makes one of ss and ß, which are two
    # people's mailboxes, and a link mailed to one must not open the other's account.
    same = f"{found.local_part.lower()}@{found.ascii_domain}"
    if len(same) > LONGEST:
        raise AddressUnreadable
    return Address(f"{found.local_part}@{found.ascii_domain}", same)


def _bare(typed: str) -> str:
    bare = typed.strip()
    if bare[:7].casefold() == "mailto:":
        bare = bare[7:]
    bare = bare.removeprefix("<").strip()
    if bare.endswith((".", ",", ";")):
        bare = bare[:-1]
    return bare.removesuffix(">").strip()


def same(email: str) -> str:
    """Return the one spelling in which an address is compared and stored.

    Trimmed, in lower case, its domain as the name system writes it (NFKC and IDNA, RFC 5891).
    Raises AddressUnreadable.
    """
    return read(email).same


def network_of(remote_addr: str | None) -> str:
    """Return the network that limits count: an IPv4 address as it is, of an IPv6 one its /64.

    A household or a telephone has a whole /64 and can come from any address in it (RFC 6177).
    A port beside the address, as some proxies write it into X-Forwarded-For, is no part of it.
    What is no address, such as the peer of a local socket, is one network of its own.
    """
    written = (remote_addr or "").strip().strip('"').strip()
    if found := WITH_PORT.fullmatch(written):
        written = found["bracketed"] or found["plain"]
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def wider(network: str) -> str:
    """Return the wider network that one of `network_of` is in: an IPv6 /48, an IPv4 /24.

    A /48 is what one site is given, with 65,536 networks in it (RFC 6177).
    """
    try:
        within = ip_network(network)
    except ValueError:
        return network
    return str(within.supernet(new_prefix=48 if within.version == 6 else 24))
