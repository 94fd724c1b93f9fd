"""Waits until something is so that other threads bring about."""

import threading
from collections.abc import Callable


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true; fail after a minute."""
    for _time in range(6000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("the condition never became true")
