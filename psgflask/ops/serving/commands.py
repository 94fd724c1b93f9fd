"""`flask serve`: checks the port, prints the address, and becomes the server."""

import os
import socket
import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core import config
from psgflask.core.database import db
from psgflask.core.networks import is_loopback
from psgflask.core.paths import BRING_BACK
from psgflask.core.terminal import echo
from psgflask.ops import readiness, restore
from psgflask.ops.serving import supervisor
from psgflask.sample import commands as sample

# Wildcard addresses, each with a documentation address to route to (RFC 5737, RFC 3849).
ANY_ADDRESS = {
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104  # the operator's choice
    "::": (socket.AF_INET6, "2001:db8::1"),
}


class PortTaken(click.ClickException):
    """Another program listens on the port."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--prepare", is_flag=True, help="First `init`, and `sample add` if it is new.")
@click.pass_context
@with_appcontext
def serve(context: click.Context, host: str, port: int, prepare: bool) -> None:
    """Serve the site: one worker, beside the worker that keeps the index true."""
    restore.check_not_interrupted(Path(current_app.instance_path))
    check_port(host, port)
    if prepare:
        # In this process: starting Python for each step would take seconds.
        context.invoke(current_app.cli.commands["init"])
        context.invoke(sample.add, if_empty=True)
    elif not current_app.config["SECRET_KEY"]:
        raise readiness.NotReady(
            f"There is no config.py in {current_app.instance_path}. {BRING_BACK}"
        )
    else:
        readiness.check_ready()
    db.session.remove()
    base, listening = str(current_app.config["BASE_URL"]), f"http://{_bracketed(host)}:{port}"
    variables = {**server_environment(), **os.environ}
    if base == config.DEFAULTS["BASE_URL"]:
        base = variables["PSG_BASE_URL"] = default_base_url(host, port)
        echo(f"The site is at {base} (Ctrl-C stops it)")
    else:  # a reload reads it again
        echo(
            f"The site is at {base}, as BASE_URL says, and listens on {listening} (Ctrl-C stops it)"
        )
    if not is_loopback(host):
        echo(
            "Others on the network can reach it. The open internet needs a proxy such as nginx in"
            " front (docs/operating.md, Deploy)."
        )
    sys.stdout.flush()
    # The process becomes the server, so that no module of commands stays in memory.
    os.execve(sys.executable, server_command(host, port), variables)  # noqa: S606  # our own interpreter


def default_base_url(host: str, port: int) -> str:
    """Return the BASE_URL of a site that listens on `host`, while none is configured.

    For a wildcard address it is the address by which other machines reach this one.
    """
    if host in ANY_ADDRESS:
        family, target = ANY_ADDRESS[host]
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                # Nothing is sent: this only selects the source address.
                probe.connect((target, 9))
                host = str(probe.getsockname()[0])
        except OSError:  # no network
            host = "127.0.0.1"
    return f"http://{_bracketed(host)}:{port}"


def server_command(host: str, port: int, target: str = "") -> list[str]:
    """Return the command line that serves the site, or another `target` as MODULE:APP."""
    # -P: modules beside the supervisor must not be importable.
    line = [
        sys.executable,
        "-P",
        supervisor.__file__,
        host,
        str(port),
        "psgflask.ops.serving.process",
    ]
    return [*line, target] if target else line


def server_environment() -> dict[str, str]:
    """Return the server's environment variables, where they are not set already."""
    # With a malloc arena per thread, memory used in a load peak is never returned.
    return {"MALLOC_ARENA_MAX": "2"}


def check_port(host: str, port: int) -> None:
    """Raise PortTaken, with advice, when another program listens on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"Cannot listen on port {port} ({error.strerror}): stop the program that uses it,"
                f" or choose another: make run PORT={port + 1}"
            ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
