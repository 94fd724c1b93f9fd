"""Mails as files, as they are sent without a mail server: deleting those of erased people."""

from collections.abc import Collection
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

from psgflask.accounts import email_addresses
from psgflask.mail import transports
from psgflask.members.numbers import FORMATTED


def delete_files(instance: Path, *, numbers: Collection[str], emails: Collection[str]) -> None:
    """Delete the files of mails that name a member number, or go to an address (normalised).

    Raises OSError.
    """
    numbers, emails = set(numbers), set(emails)

    def is_theirs(mail: EmailMessage) -> bool:
        return not (_recipients(mail).isdisjoint(emails) and _numbers_in(mail).isdisjoint(numbers))

    transports.delete_files(instance, is_theirs)


def _recipients(mail: EmailMessage) -> set[str]:
    recipients: set[str] = set()
    for recipient in getattr(mail["To"], "addresses", ()):
        with suppress(email_addresses.InvalidEmailAddress):
            recipients.add(email_addresses.normalise(recipient.addr_spec))
    return recipients


def _numbers_in(mail: EmailMessage) -> set[str]:
    """Return the member numbers in a mail, whose texts contain them with non-breaking spaces."""
    parts = [str(mail["Subject"] or "")]
    texts = (part for part in mail.walk() if part.get_content_type() == "text/plain")
    parts += [str(part.get_content()) for part in texts]
    return set(FORMATTED.findall(" ".join(" ".join(parts).split())))
