"""The network of a client that rate limits count by, and the wider one around it."""

import pytest

from psgflask.core import networks


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("unix:", "unknown"),
        ("203.0.113.7, 10.0.0.1", "unknown"),
        ("203.0.113.9:52114", "203.0.113.9"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ("[fe80::1%eth0]:80", "fe80::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        (' "203.0.113.9:52114" ', "203.0.113.9"),
        ('"[2001:db8:1:2::1]:443"', "2001:db8:1:2::/64"),
        ("203.0.113.9:", "unknown"),
        ("203.0.113.9:123456", "unknown"),
        ("203.0.113.9:80:80", "unknown"),
        ("203.0.113.999:80", "unknown"),
        ("[203.0.113.9", "unknown"),
        ("[[2001:db8::1]]:443", "unknown"),
        ("203.0.113.09", "unknown"),
        ("٢٠٣.0.113.9:80", "unknown"),
        ("example.org:80", "unknown"),
        ("' OR 1=1 --", "unknown"),
        ("\x00", "unknown"),
    ],
)
def test_a_network_is_an_ipv4_address_or_an_ipv6_64(address: str, network: str) -> None:
    assert networks.network_of(address) == network
    assert len(network) <= 45


@pytest.mark.parametrize(
    ("network", "wider"),
    [
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8::/64", "2001:db8::/48"),
        ("203.0.113.7", "203.0.113.0/24"),
        ("unknown", "unknown"),
        ("by command: PSG 1042-9", "by command: PSG 1042-9"),
    ],
)
def test_a_supernet_is_an_ipv6_48_or_an_ipv4_24(network: str, wider: str) -> None:
    assert networks.supernet_of(network) == wider
    assert len(wider) <= 45
