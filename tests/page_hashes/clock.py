"""A clock that stands: what the site takes for the present moment while its pages are hashed."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import FunctionType, ModuleType

PACKAGE = "psgflask"
# The functions by which the package asks for the time, under every name that they have had.
FUNCTIONS = ("utc_now",)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Clock:
    """Tells a moment until it is set on."""

    def __init__(self) -> None:
        self.now = NOON

    def forward(self, **by: float) -> None:
        """Let time pass: `forward(minutes=5)`."""
        self.now += timedelta(**by)


clock = Clock()


def stop() -> None:
    """Let the package read `clock` from now on. Raises LookupError when it has no clock we know.

    A function's code is exchanged and not the function: it does not matter which modules, defaults
    of columns and defaults of arguments hold it already.
    """
    found = {
        id(function): function
        for module in modules()
        for name in FUNCTIONS
        if isinstance(function := getattr(module, name, None), FunctionType)
    }
    if not found:
        raise LookupError(f"{PACKAGE} has no function called {' or '.join(FUNCTIONS)}")
    for function in found.values():
        function.__code__ = _told.__code__


def modules() -> Iterator[ModuleType]:
    """Yield the modules of the package that are loaded."""
    for name, module in list(sys.modules.items()):
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            yield module


def _told() -> datetime:
    # Runs among the names of the module that it is put into: it must bring its own.
    from tests.page_hashes.clock import clock

    return clock.now
