"""What a backup holds, what it leaves out, and what a restore changes; each with its reason.

A restored site is the same again but for what stands here: a test fills an instance with all that
there can be, and compares.
"""

from collections.abc import Mapping

from psgflask.core import clock_watch, integrity, journal
from psgflask.core.paths import CONFIG, DATABASE, INDEX, MEDIA, OUTBOX, SERVED_AT
from psgflask.members import erasure, tiers
from psgflask.ops import worker_lock
from psgflask.search.index.store import BUILD_LOCK, WRITE_LOCK

SETTINGS_FILE = "config.json"
# Small files of an instance, each saved where there is one.
LISTS = (tiers.FILE, erasure.LIST_FILE, erasure.UNCONFIRMED_FILE)
SAVED: Mapping[str, str] = {
    DATABASE: "articles, pages, people, mails, counts of searches, the glossary: all rows",
    MEDIA: "pictures and attachments, whatever is in the folder",
    tiers.FILE: "the memberships and what they cost",
    erasure.LIST_FILE: "who was erased, by number alone: a restore erases them again",
    erasure.UNCONFIRMED_FILE: "that a restore is still to be confirmed",
}
# Files and folders of the instance, and settings.
LEFT_OUT: Mapping[str, str] = {
    CONFIG: "it has the secret; the settings are saved, and a restore writes a new file",
    INDEX: "a restore builds it from the database",
    **{f"{INDEX}.{name}": "a lock: empty" for name in (BUILD_LOCK, WRITE_LOCK)},
    OUTBOX: "mails that were sent, with addresses and secret links",
    f"{DATABASE}-wal": "its content is in the copy of the database",
    f"{DATABASE}-shm": "belongs to processes that have the database open",
    journal.LOCK: "a lock: empty",
    worker_lock.FILE: "a lock; a restored site's worker begins without failures",
    SERVED_AT: "where this site is served; the server writes it when it starts",
    clock_watch.FILE: "readings of this machine's clock",
    integrity.RESULT_FILE: "what was found in this file, not in a copy of it",
    "README.md": "a checkout has it",
    "SECRET_KEY": "a secret: a restored site has a fresh one",
    "SECRET_KEY_FALLBACKS": "secrets",
    "SMTP_PASSWORD": "a secret",
    "DATABASE_URL": "of this machine, and may have a password in it",
    "TRUSTED_PROXIES": "of this machine",
    "BACKUP_FOLDER": "of this machine",
    "DEBUG": "for development alone",
    "TESTING": "for development alone",
}
# Names with a dot in front: files that are being written, and what killed processes left.
TEMPORARY = "."
# Tables, by name.
CHANGED_BY_RESTORE: Mapping[str, str] = {
    "outbox": "mails that waited are held: most were sent after the backup was made",
    "people": "who was erased after the backup was made is erased again, here and where it says so",
    "audit": "has the erasures that were repeated",
    "last_member_number": "no number of the list of the erased is issued again",
}
