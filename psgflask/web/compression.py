"""Content codings: bodies made smaller for whoever can read them so."""

import gzip
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import brotli
from flask import Flask, Response, current_app, request
from werkzeug.http import parse_accept_header

View = TypeVar("View", bound=Callable[..., object])
SMALLEST = 600  # bytes; what is smaller is sent as it is
ENCODINGS = ("br", "gzip")
LONGEST = 200  # letters of an Accept-Encoding that are read; no browser sends half as many
AT_ONCE = 4  # how much effort is worth while for an answer that is sent once

_COMPRESS: dict[str, Callable[[bytes, int], bytes]] = {
    "br": lambda body, quality: brotli.compress(body, quality=quality),
    "gzip": lambda body, quality: gzip.compress(body, min(9, quality + 1), mtime=0),
}


def init_app(app: Flask) -> None:
    """Compress what views that are marked so return."""
    app.after_request(_compress)


def compressible(view: View) -> View:
    """Mark a view whose answers are never kept, but hold no secret that their length could tell."""
    view.compressible = True  # type: ignore[attr-defined]  # a mark on a plain function
    return view


def compressed(body: bytes, *, quality: int = 5) -> dict[str, bytes]:
    """Return a body in every content coding that makes it smaller, and as it is."""
    bodies = {"identity": body}
    if len(body) >= SMALLEST:
        bodies |= {coding: compress(body, quality) for coding, compress in _COMPRESS.items()}
    return bodies


def choose(bodies: dict[str, bytes], accepted: str) -> tuple[str, bytes]:
    """Return the coding and body that a client's Accept-Encoding allows, smallest first."""
    offered = _offered(accepted[:LONGEST])
    for coding in ENCODINGS:
        if coding in offered and coding in bodies:
            return coding, bodies[coding]
    return "identity", bodies["identity"]


def _compress(response: Response) -> Response:
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, "compressible", False) or response.is_streamed:
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    offered = _offered(request.headers.get("Accept-Encoding", "")[:LONGEST])
    coding = next((each for each in ENCODINGS if each in offered), None)
    if coding is not None and len(body) >= SMALLEST:
        response.set_data(_COMPRESS[coding](body, AT_ONCE))
        response.headers["Content-Encoding"] = coding
    return response


@lru_cache(maxsize=128)  # browsers send the same few
def _offered(accepted: str) -> frozenset[str]:
    choices = parse_accept_header(accepted)
    return frozenset(coding.lower() for coding, quality in choices if quality > 0)
