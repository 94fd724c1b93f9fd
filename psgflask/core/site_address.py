"""The public address of the site, in every process: the server writes it down for commands.

A command does not see the environment of the server, nor its --host and --port.
"""

import os
from contextlib import suppress
from pathlib import Path

from flask import Flask, has_request_context

from psgflask.core.durable import atomic_write
from psgflask.core.paths import SERVED_AT

VARIABLE = "PSG_BASE_URL"


def site_address(app: Flask) -> str:
    """Return the address in front of links, without a slash at its end.

    That is BASE_URL; in a command whose environment does not set it, the address at which the site
    was last served, if that is not the one in config.py.
    """
    address = str(app.config["BASE_URL"])
    # The server's own is right, and no page reads a file for it.
    if not has_request_context() and VARIABLE not in os.environ:
        with suppress(OSError, UnicodeDecodeError):
            remembered = Path(app.instance_path, SERVED_AT).read_text("ascii").strip()
            address = remembered or address
    return address.rstrip("/")


def remember(app: Flask) -> None:
    """Write down the address of a site that starts; nothing where config.py has it.

    A disk that cannot be written stops no server.
    """
    file = Path(app.instance_path, SERVED_AT)
    with suppress(OSError):
        if VARIABLE in os.environ:
            atomic_write(file, f"{app.config['BASE_URL']}\n".encode("ascii", "replace"))
        else:
            file.unlink(missing_ok=True)
