"""S20, S22: the secret part of an address is told to nobody, whoever logs it and however."""

import logging

import pytest

from psgflask import secrecy

TOKEN = "Zm9vYmFyLWJhei1xdXV4X2NvcmdlLWdyYXVsdC1nYXJ"


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        (f"/accounts/join/{TOKEN}", "/accounts/join/..."),
        (f"/es/accounts/join/{TOKEN}", "/es/accounts/join/..."),
        (f"GET /accounts/join/{TOKEN}?x=1 HTTP/1.1", "GET /accounts/join/...?x=1 HTTP/1.1"),
        (f"/accounts/address/old/{TOKEN}/", "/accounts/address/old/.../"),
        (f"/accounts/{TOKEN}", "/accounts/..."),
        (f"/ACCOUNTS/join/{TOKEN[:25]}=", "/ACCOUNTS/join/..."),
        (f'"https://x.org/accounts/join/{TOKEN}"', '"https://x.org/accounts/join/..."'),
        (f"/accounts/join/{TOKEN} /accounts/join/{TOKEN}", "/accounts/join/... /accounts/join/..."),
        ("/accounts/join/again", "/accounts/join/again"),
        ("/accounts/password-sign-in", "/accounts/password-sign-in"),
        (f"/media/{'f' * 64}/report.pdf", f"/media/{'f' * 64}/report.pdf"),
        ("/news/a-long-slug-that-is-no-secret", "/news/a-long-slug-that-is-no-secret"),
    ],
)
def test_the_secret_of_an_address_is_taken_out(said: str, hidden: str) -> None:
    assert secrecy.hide(said) == hidden
    assert secrecy.holds_secret(said) == (said != hidden)


@pytest.mark.parametrize(
    "name", ["psgflask", "psgflask.errors", "granian.access", "gunicorn.access", "werkzeug", "any"]
)
def test_s20_no_logger_tells_a_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    secrecy.guard_logs()
    secrecy.guard_logs()
    log = logging.getLogger(name)
    caplog.set_level(logging.INFO, logger=name)
    log.propagate, before = True, log.propagate
    try:
        log.info("%(status)d %(path)s", {"status": 200, "path": f"/accounts/join/{TOKEN}"})
        log.info("Exception on /accounts/join/%s", TOKEN)
        log.info("POST /accounts/join/" + TOKEN)  # as a server may have put it together
        log.info("100 %% of /news/")
    finally:
        log.propagate = before
    assert TOKEN not in caplog.text
    assert [record.getMessage() for record in caplog.records] == [
        "200 /accounts/join/...",
        "Exception on /accounts/join/...",
        "POST /accounts/join/...",
        "100 %% of /news/",
    ]


def test_s20_no_traceback_tells_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secrecy.guard_logs()
    try:
        raise ValueError(f"cannot serve /accounts/join/{TOKEN}")
    except ValueError:
        logging.getLogger("psgflask.errors").exception("A fault at /accounts/join/%s", TOKEN)
    assert TOKEN not in caplog.text
    assert "cannot serve /accounts/join/..." in caplog.text
