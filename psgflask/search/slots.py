"""Slots: how many searches are made at once, and how many may wait; the next is told to come again.

A search keeps one processor busy. So that a flood of them never starves the other pages, one is
made at a time, a few wait in line, and whoever comes beyond them hears at once that the site is
busy, which costs next to nothing.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, current_app
from flask_babel import gettext as _
from werkzeug.exceptions import ServiceUnavailable

AT_ONCE, MOST_WAITING = 1, 15
LONGEST_WAIT = 10.0  # seconds
COME_AGAIN_AFTER = 5  # seconds

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Full(Exception):  # a state, not an error
    """As many searches wait as may."""


class Slots:
    """Places for searches: some at once, some in line."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = MOST_WAITING) -> None:
        self._running = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + waiting)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a slot for the length of the block. Raises Full."""
        if not self._places.acquire(blocking=False):
            raise Full
        try:
            if not self._running.acquire(timeout=LONGEST_WAIT):
                raise Full
            try:
                yield
            finally:
                self._running.release()
        finally:
            self._places.release()


def init_app(app: Flask) -> None:
    """Give the app its slots."""
    app.extensions["psg_slots"] = Slots()


def bounded(view: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a view that searches run only in a slot; answer 503 when there is none."""

    @wraps(view)
    def in_a_slot(*given: Given.args, **named: Given.kwargs) -> Made:
        slots: Slots = current_app.extensions["psg_slots"]
        try:
            with slots.taken():
                return view(*given, **named)
        except Full:
            raise ServiceUnavailable(
                _("Many people are searching just now. Wait a few seconds, then try again."),
                retry_after=COME_AGAIN_AFTER,
            ) from None

    return in_a_slot
