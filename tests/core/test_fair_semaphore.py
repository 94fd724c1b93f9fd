"""A fair semaphore: permits go to whoever has waited longest, and the queue has its bound."""

import threading

import pytest

from psgflask.core.fair_semaphore import FairSemaphore, QueueFull
from tests.waiting import until


def test_requests_beyond_a_full_queue_are_refused() -> None:
    queue = FairSemaphore(1, 2)
    queue.acquire(60)
    waited: list[bool] = []
    threads = [threading.Thread(target=lambda: waited.append(queue.acquire(60))) for _n in range(2)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        until(lambda number=number: len(queue._queue) == number)  # type: ignore[misc]  # bound now
    with pytest.raises(QueueFull):
        queue.acquire(60)
    for _time in range(3):
        queue.release()
    for thread in threads:
        thread.join(60)
    assert waited == [True, True]
    assert queue.acquire(60) is False


def test_the_queue_is_first_in_first_out() -> None:
    queue = FairSemaphore(1, 3)
    queue.acquire(60)
    served: list[int] = []

    def wait(number: int) -> None:
        queue.acquire(60)
        served.append(number)
        queue.release()

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(3)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        until(lambda number=number: len(queue._queue) == number)  # type: ignore[misc]  # bound now
    queue.release()  # handed over before anybody else could take it
    for thread in threads:
        thread.join(60)
    assert served == [0, 1, 2]


def test_a_wait_that_is_too_long_is_refused_and_leaves_the_queue() -> None:
    queue = FairSemaphore(1)
    queue.acquire(60)
    with pytest.raises(QueueFull):
        queue.acquire(0.01)
    queue.release()
    assert queue.acquire(60) is False


def test_any_number_waits_where_the_queue_has_no_bound() -> None:
    queue = FairSemaphore(1)
    queue.acquire(60)
    waited: list[bool] = []
    threads = [
        threading.Thread(target=lambda: waited.append(queue.acquire(60))) for _number in range(20)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(queue._queue) == 20)
    for _time in range(20):
        queue.release()
    for thread in threads:
        thread.join(60)
    assert waited == [True] * 20
    with pytest.raises(QueueFull):  # the last of them has the permit
        queue.acquire(0)
