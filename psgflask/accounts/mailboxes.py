"""Mailboxes as their providers read addresses: for limits alone, never for who somebody is.

Whoever floods a mailbox spells its address in every way that reaches it. Where a provider ignores
a part of an address, that part is left out; nobody is harmed where ours ignores too much: two
people share a limit.
"""

import re
from dataclasses import dataclass

from psgflask.accounts import networks
from psgflask.core.folding import normalize


@dataclass(frozen=True)
class Provider:
    """How a provider reads what stands before the @ of addresses at its domains."""

    name: str
    domains: frozenset[str]
    ignores: str = ""  # signs
    ends_at: str = "+"  # signs, from which on the rest is ignored

    def reads(self, mailbox: str) -> str:
        """Return what is left of a mailbox's name."""
        cut = mailbox
        for sign in self.ends_at:
            cut = cut.partition(sign)[0] or cut
        return "".join(sign for sign in cut if sign not in self.ignores) or cut


# RFC 5233 calls what follows a + the detail of an address; most servers that know it deliver to
# the same mailbox, as Outlook.com, iCloud and Microsoft 365 do ("plus addressing").
OTHERS = Provider("", frozenset())
YAHOO = re.compile(
    r"yahoo\.(?:com|[a-z]{2}|com?\.[a-z]{2})|ymail\.com|rocketmail\.com|myyahoo\.com"
)
PROVIDERS = (
    # Gmail Help: "Dots don't matter in Gmail addresses", "Use Gmail aliases"; googlemail.com is
    # the same mailbox (Gmail Help, "Switch from googlemail.com to gmail.com").
    Provider("gmail.com", frozenset({"gmail.com", "googlemail.com"}), ignores="."),
    # Proton, "Addresses and aliases": dots, hyphens and underscores make no difference, and one
    # name has all these domains.
    Provider(
        "proton.me",
        frozenset({"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}),
        ignores="._-",
    ),
    # Apple, "iCloud Mail": addresses at me.com and mac.com are also those at icloud.com.
    Provider("icloud.com", frozenset({"icloud.com", "me.com", "mac.com"})),
    # Yandex 360, "Addresses of one mailbox": any of its domains, a hyphen for a dot.
    Provider(
        "yandex.ru",
        frozenset({"yandex.ru", "yandex.com", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua"}),
        ignores=".-",
    ),
)
BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}
# Fastmail, "Plus addressing and subdomain addressing": anything@name.fastmail.com goes to name.
FASTMAIL = re.compile(r"([^.]+)\.(fastmail\.(?:com|fm))")


def of(email: str) -> str:
    """Return the mailbox that an address reaches, in one spelling. Raises AddressUnreadable."""
    mailbox, _at, domain = networks.same(email).rpartition("@")
    mailbox = normalize("NFKC", mailbox).casefold()
    if found := FASTMAIL.fullmatch(domain):
        mailbox, domain = found[1], found[2]
    if YAHOO.fullmatch(domain):
        # Yahoo Help, "Disposable addresses": a base name, a hyphen, a keyword. No account's own
        # name has a hyphen.
        provider = Provider(domain, frozenset(), ends_at="+-")
    else:
        provider = BY_DOMAIN.get(domain, OTHERS)
    return f"{provider.reads(mailbox)}@{provider.name or domain}"
