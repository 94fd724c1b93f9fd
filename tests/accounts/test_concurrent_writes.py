"""R7 in small: several write and read at once, on a file; nobody hears that it is locked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import func, select

from psgflask.accounts.models import Attempt
from psgflask.core.database import db
from tests import html_forms

AGAIN = "/accounts/join/again"
WRITERS, WRITES, READERS = 4, 10, 4


def test_r7_writers_and_readers_at_once_refuse_and_lose_nothing(
    make_app: Callable[..., Flask],
) -> None:
    site = make_app(TRUSTED_PROXIES=1)

    def write(writer: int) -> list[int]:
        client = site.test_client()
        form = html_forms.form_of(client.get(AGAIN).text)
        statuses = []
        for number in range(WRITES):
            came = {"X-Forwarded-For": f"2001:db8:{writer:x}:{number:x}::1"}
            typed = form.filled({"email": f"w{writer}-{number}@example.org"})
            statuses.append(client.post(AGAIN, data=typed, headers=came).status_code)
        return statuses

    def read(_reader: int) -> list[int]:
        client = site.test_client()
        return [client.get(path).status_code for path in ("/", "/news/", "/search/?q=a") * 5]

    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        writing, reading = pool.map(write, range(WRITERS)), pool.map(read, range(READERS))
        assert {status for statuses in writing for status in statuses} == {303}
        assert {status for statuses in reading for status in statuses} == {200}
    with site.app_context():
        counted = db.session.scalar(select(func.count()).select_from(Attempt))
    assert counted == WRITERS * WRITES
