"""`flask serve`: checks the port, says where the site is, and becomes the server."""

import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core import config
from psgflask.core.database import db
from psgflask.ops import restore
from psgflask.ops.serving import supervisor

# What listens on every address, and an address for documentation (RFC 5737, RFC 3849).
EVERYWHERE = {
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104  # asked for by whoever types it
    "::": (socket.AF_INET6, "2001:db8::1"),
}


class PortTaken(click.ClickException):
    """Another program listens there already."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--prepare", is_flag=True, help="First `init`, and `sample-content` if it is empty.")
@click.pass_context
@with_appcontext
def serve(context: click.Context, host: str, port: int, prepare: bool) -> None:
    """Serve the site: one worker, beside the worker that keeps the index true."""
    restore.check_whole(Path(current_app.instance_path))
    check_port(host, port)
    if prepare:
        # In this process: to start Python anew for each step would take seconds.
        context.invoke(current_app.cli.commands["init"])
        context.invoke(current_app.cli.commands["sample-content"], if_empty=True)
    elif not current_app.config["SECRET_KEY"]:
        raise config.ConfigurationRefused("There is no config.py yet: run `flask init` first")
    db.session.remove()
    base, own = str(current_app.config["BASE_URL"]), f"http://{_shown(host)}:{port}"
    known = {**environment(), **os.environ}
    if base == config.DEFAULTS["BASE_URL"]:
        base = known["PSG_BASE_URL"] = address_of(host, port)
        click.echo(f"The site is at {base} (Ctrl-C stops it)")
    else:  # which a reload reads anew
        click.echo(
            f"The site is at {base}, as BASE_URL says, and listens on {own} (Ctrl-C stops it)"
        )
    if not is_loopback(host):
        click.echo(
            "Others on the network can reach it. The open internet needs a proxy such as nginx in"
            " front (docs/operating.md, Deploy)."
        )
    sys.stdout.flush()
    # The process becomes the server, so that nothing which commands import stays in memory.
    os.execve(sys.executable, command(host, port), known)  # noqa: S606  # our own interpreter


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches what listens on an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(host: str, port: int) -> str:
    """Return the address to use while no BASE_URL is set, for a site that listens on `host`.

    One that listens everywhere has the address by which other machines reach this one.
    """
    if host in EVERYWHERE:
        family, somewhere = EVERYWHERE[host]
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                # Nothing is sent: the system only says from which address it would be.
                probe.connect((somewhere, 9))
                host = str(probe.getsockname()[0])
        except OSError:  # no network: only this machine reaches it
            host = "127.0.0.1"
    return f"http://{_shown(host)}:{port}"


def command(host: str, port: int, target: str = "") -> list[str]:
    """Return the command line that serves the site on one address; else `target`, MODULE:APP."""
    # -P: what lies beside the supervisor is no module of its own.
    line = [
        sys.executable,
        "-P",
        supervisor.__file__,
        host,
        str(port),
        "psgflask.ops.serving.process",
    ]
    return [*line, target] if target else line


def environment() -> dict[str, str]:
    """Return the variables that the server is started with, unless they are set already."""
    # With an arena of its own for each thread, what a flood took of memory is never given back.
    return {"MALLOC_ARENA_MAX": "2"}


def check_port(host: str, port: int) -> None:
    """Raise PortTaken when another program listens on that port, with what to do instead."""
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


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
