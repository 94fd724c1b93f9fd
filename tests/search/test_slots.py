"""Searches run in slots: few at once, some in line, the next is told to come again."""

import threading
from contextlib import ExitStack

import pytest
from flask import Flask
from flask.testing import FlaskClient

from psgflask.search import slots
from psgflask.search.slots import Full, Slots

ADDRESSES = [f"/search{form}?q=lima" for form in ("/", ".atom", ".json", "/suggest")]


def test_beyond_those_at_once_and_in_line_nobody_is_let_in() -> None:
    places = Slots(1, 2)
    inside, may_leave = threading.Barrier(2), threading.Event()
    done: list[int] = []

    def search(number: int) -> None:
        with places.taken():
            if number == 0:
                inside.wait(60)
                may_leave.wait(60)
            done.append(number)

    threads = [threading.Thread(target=search, args=(number,)) for number in range(3)]
    threads[0].start()
    inside.wait(60)
    for waiting in threads[1:]:
        waiting.start()
    while places._places._value:  # until both stand in line
        may_leave.wait(0.01)
    with pytest.raises(Full), places.taken():
        pass
    may_leave.set()
    for thread in threads:
        thread.join(60)
    assert done[0] == 0
    assert sorted(done) == [0, 1, 2]


def test_a_search_that_fails_gives_its_slot_back() -> None:
    places = Slots(1, 0)
    for _time in range(3):
        with pytest.raises(ValueError, match="no"), places.taken():
            raise ValueError("no")
    with places.taken(), pytest.raises(Full), places.taken():
        pass


def test_who_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "LONGEST_WAIT", 0.01)
    places = Slots(1, 1)
    with places.taken(), pytest.raises(Full), places.taken():
        pass
    with places.taken():
        pass


@pytest.mark.parametrize("address", ADDRESSES)
def test_s2_when_all_slots_are_taken_a_search_is_answered_503_and_other_pages_are_served(
    client: FlaskClient, app: Flask, address: str
) -> None:
    assert client.get(address).status_code == 200
    app.extensions["psg_slots"] = Slots(1, 0)
    with ExitStack() as held:
        held.enter_context(app.extensions["psg_slots"].taken())
        busy = client.get(address)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        assert "Many people are searching" in busy.text
        assert client.get("/").status_code == 200
    assert client.get(address).status_code == 200
