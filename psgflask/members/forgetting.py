"""Mails that were written to files: those of somebody erased go too."""

import re
from collections.abc import Collection
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from psgflask.accounts import email_addresses

NUMBER = re.compile(r"PSG \d+-\d")


def remove_mails(folder: Path, numbers: Collection[str], emails: Collection[str] = ()) -> int:
    """Delete the .eml files that name a member number or go to an address; return how many.

    `emails` are in their one spelling, and nobody else's.
    """
    gone = 0
    # What a process left that was killed while it wrote is looked through too.
    for file in sorted([*folder.glob("*.eml"), *folder.glob(".*.part")]):
        try:
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        except FileNotFoundError:  # it has just been written whole
            continue
        if _recipients(mail) & set(emails) or _named(mail) & set(numbers):
            file.unlink(missing_ok=True)
            gone += 1
    return gone


def _recipients(mail: EmailMessage) -> set[str]:
    found: set[str] = set()
    for recipient in getattr(mail["To"], "addresses", ()):
        try:
            found.add(email_addresses.normalise(recipient.addr_spec))
        except email_addresses.InvalidEmailAddress:
            continue
    return found


def _named(mail: EmailMessage) -> set[str]:
    """Return the member numbers in a mail; its texts hold them together by other spaces."""
    parts = [str(mail["Subject"] or "")]
    texts = (part for part in mail.walk() if part.get_content_type() == "text/plain")
    parts += [str(part.get_content()) for part in texts]
    return set(NUMBER.findall(" ".join(" ".join(parts).split())))
