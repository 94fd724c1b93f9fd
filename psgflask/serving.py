"""The server itself: `flask serve` checks the port, says where the site is, and becomes granian."""

import gc
import os
import socket
import sys
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from psgflask import config, restoring, slots, worker
from psgflask.database import db
from psgflask.search import tally

# Neither address, nor agent, nor query string: what people search for is nobody's business.
ACCESS_LOG = "[%(time)s] %(status)d %(method)s %(path)s %(dt_ms).1f ms"

# What listens on every address, and an address for documentation (RFC 5737, RFC 3849).
EVERYWHERE = {
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104  # asked for by whoever types it
    "::": (socket.AF_INET6, "2001:db8::1"),
}


# More than there are slots, so that what takes none is served during a flood.
THREADS = slots.THREADS
# Seconds after which a thread lets others run; Python's own 5 ms, many threads apart, are felt.
SWITCH = 0.001
# Objects made before Python looks for circles among them: by default, 700, half of all pages do.
LOOK_FOR_CIRCLES = 20_000


class PortTaken(click.ClickException):
    """Another program listens there already."""


def init_app(app: Flask) -> None:
    """Add `flask serve`."""
    app.cli.add_command(serve)


def site() -> Flask:
    """Build the site, start its worker and the writer of its counts: every server begins here."""
    from psgflask import create_app  # the front door opens this module

    app = create_app()
    sys.setswitchinterval(SWITCH)
    worker.start(app)
    tally.start(app)
    # What is there now stays: nobody need look through it for circles again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOK_FOR_CIRCLES)
    return app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--prepare", is_flag=True, help="First `init`, and `sample-content` if it is empty.")
@click.pass_context
@with_appcontext
def serve(context: click.Context, host: str, port: int, prepare: bool) -> None:
    """Serve the site: one worker, beside the worker that keeps the index true."""
    restoring.check_whole(Path(current_app.instance_path))
    check_port(host, port)
    if prepare:
        # In this process: to start Python anew for each step would take seconds.
        context.invoke(current_app.cli.commands["init"])
        context.invoke(current_app.cli.commands["sample-content"], if_empty=True)
    elif not current_app.config["SECRET_KEY"]:
        raise config.ConfigurationRefused("There is no config.py yet: run `flask init` first")
    db.session.remove()
    base, own = str(current_app.config["BASE_URL"]), f"http://{_shown(host)}:{port}"
    if base == config.DEFAULTS["BASE_URL"]:
        base = address_of(host, port)
        click.echo(f"The site is at {base} (Ctrl-C stops it)")
    else:
        click.echo(
            f"The site is at {base}, as BASE_URL says, and listens on {own} (Ctrl-C stops it)"
        )
    sys.stdout.flush()
    # The process becomes the server, so that nothing which commands import stays in memory.
    known = {**os.environ, "PSG_BASE_URL": base}
    os.execve(sys.executable, command(host, port), known)  # noqa: S606  # our own interpreter


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


def command(host: str, port: int) -> list[str]:
    """Return the command line that serves the site on one address."""
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(port),
        "--workers": "1",
        "--blocking-threads": str(THREADS),
        "--log-level": "warning",
        "--access-log-fmt": ACCESS_LOG,
    }
    flags = ["--no-ws", "--access-log", "--respawn-failed-workers", "--factory"]
    named = [part for pair in options.items() for part in pair]
    return [sys.executable, "-m", "granian", *named, *flags, "psgflask.serving:site"]


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
