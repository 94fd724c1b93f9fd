"""E-mail addresses: parsed as people type them, compared in one spelling, counted by mailbox."""

import re
from dataclasses import dataclass

from psgflask.core import folding
from psgflask.mail.models import MAX_ADDRESS_LENGTH

DOUBLE_QUOTES = '"“”„«»'


class InvalidEmailAddress(ValueError):
    """The text is not an e-mail address that mail could be delivered to."""

    field = "email"
    message = "This is not an e-mail address: it should look like name@example.org"

    def __init__(self) -> None:
        super().__init__(self.message)


@dataclass(frozen=True)
class EmailAddress:
    """An e-mail address: as mail is sent to it, and as it is compared and stored."""

    as_typed: str
    normalised: str


def parse(text: str) -> EmailAddress:
    """Parse an address as people type it, or copy it from a mail program.

    Spaces, quotation marks, angle brackets, `mailto:` and a full stop around it are ignored;
    typographic apostrophes and hyphens, and full-width letters, become plain.
    Raises InvalidEmailAddress.
    """
    # The import takes 50 ms, and only forms and the secretary's commands need it.
    from email_validator import EmailNotValidError, validate_email

    if len(text) > 2 * MAX_ADDRESS_LENGTH:  # not worth parsing
        raise InvalidEmailAddress
    stripped = _stripped(text)
    if any(map(folding.is_invisible, stripped)):
        raise InvalidEmailAddress
    try:
        valid = validate_email(stripped, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidEmailAddress from error
    # Lower case only: Unicode's case folding makes ss and ß equal, which are two people's
    # mailboxes, and a link mailed to one must not open the other's account.
    normalised = f"{valid.local_part.lower()}@{valid.ascii_domain}"
    if len(normalised) > MAX_ADDRESS_LENGTH:
        raise InvalidEmailAddress
    return EmailAddress(f"{valid.local_part}@{valid.ascii_domain}", normalised)


def normalise(text: str) -> str:
    """Return the one spelling in which an address is compared and stored.

    Stripped, in lower case, its domain as in the DNS (NFKC and IDNA, RFC 5891).
    Raises InvalidEmailAddress.
    """
    return parse(text).normalised


def _stripped(text: str) -> str:
    text = folding.plain(text).strip(DOUBLE_QUOTES)
    if text[:1] == text[-1:] == "'":
        text = text[1:-1]
    if text[:7].casefold() == "mailto:":
        text = text[7:]
    text = folding.plain(text.removeprefix("<"))
    if text.endswith((".", ",", ";")):
        text = text[:-1]
    return folding.plain(text.removesuffix(">"))


@dataclass(frozen=True)
class Provider:
    """How a mail provider interprets the local part of addresses at its domains."""

    name: str
    domains: frozenset[str]
    ignored: str = ""  # characters
    delimiters: str = "+"  # characters; everything after the first one is ignored

    def canonical(self, local_part: str) -> str:
        """Return the local part without what the provider ignores."""
        base = local_part
        for delimiter in self.delimiters:
            base = base.partition(delimiter)[0] or base
        return "".join(character for character in base if character not in self.ignored) or base


# RFC 5233 calls what follows a + the detail of an address; most servers that know it deliver to
# the same mailbox, as Outlook.com, iCloud and Microsoft 365 do ("plus addressing").
OTHER_PROVIDERS = Provider("", frozenset())
YAHOO = re.compile(
    r"yahoo\.(?:com|[a-z]{2}|com?\.[a-z]{2})|ymail\.com|rocketmail\.com|myyahoo\.com"
)
PROVIDERS = (
    # Gmail Help: "Dots don't matter in Gmail addresses", "Use Gmail aliases"; googlemail.com is
    # the same mailbox (Gmail Help, "Switch from googlemail.com to gmail.com").
    Provider("gmail.com", frozenset({"gmail.com", "googlemail.com"}), ignored="."),
    # Proton, "Addresses and aliases": dots, hyphens and underscores make no difference, and one
    # name has all these domains.
    Provider(
        "proton.me",
        frozenset({"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}),
        ignored="._-",
    ),
    # Apple, "iCloud Mail": addresses at me.com and mac.com are also those at icloud.com.
    Provider("icloud.com", frozenset({"icloud.com", "me.com", "mac.com"})),
    # Yandex 360, "Addresses of one mailbox": any of its domains, a hyphen for a dot.
    Provider(
        "yandex.ru",
        frozenset({"yandex.ru", "yandex.com", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua"}),
        ignored=".-",
    ),
)
BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}
# Fastmail, "Plus addressing and subdomain addressing": anything@name.fastmail.com goes to name.
FASTMAIL = re.compile(r"([^.]+)\.(fastmail\.(?:com|fm))")


def mailbox_of(email: str) -> str:
    """Return the mailbox that an address is delivered to, in one spelling.

    For rate limits only, never to identify somebody: a mailbox is flooded through every spelling
    that reaches it. Where this ignores more than the provider does, two people share a limit.
    Raises InvalidEmailAddress.
    """
    local_part, _at, domain = normalise(email).rpartition("@")
    local_part = folding.normalise("NFKC", local_part).casefold()
    if match := FASTMAIL.fullmatch(domain):
        local_part, domain = match[1], match[2]
    if YAHOO.fullmatch(domain):
        # Yahoo Help, "Disposable addresses": a base name, a hyphen, a keyword. No account's own
        # name has a hyphen.
        provider = Provider(domain, frozenset(), delimiters="+-")
    else:
        provider = BY_DOMAIN.get(domain, OTHER_PROVIDERS)
    return f"{provider.canonical(local_part)}@{provider.name or domain}"
