"""Content codings: brotli and gzip, for clients that accept them."""

import gzip
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import brotli
from flask import Flask, Response, current_app, request
from werkzeug.http import parse_accept_header

View = TypeVar("View", bound=Callable[..., object])
MIN_SIZE = 600  # bytes; smaller bodies are sent as they are
CODINGS = ("br", "gzip")
MAX_HEADER = 200  # characters of an Accept-Encoding that are read; no browser sends half as many
ONE_OFF_QUALITY = 4  # the effort that is worth while for a response that is sent once

_COMPRESS: dict[str, Callable[[bytes, int], bytes]] = {
    "br": lambda body, quality: brotli.compress(body, quality=quality),
    "gzip": lambda body, quality: gzip.compress(body, min(9, quality + 1), mtime=0),
}


def init_app(app: Flask) -> None:
    """Compress the responses of views that are marked compressible."""
    app.after_request(_compress_response)


def compressible(view: View) -> View:
    """Mark a view whose responses are not cached and hold no secret that their size could leak."""
    view.compressible = True  # type: ignore[attr-defined]  # a mark on a plain function
    return view


def compress(body: bytes, *, quality: int = 5) -> dict[str, bytes]:
    """Return a body by content coding: "identity", and the others unless it is small."""
    bodies = {"identity": body}
    if len(body) >= MIN_SIZE:
        bodies |= {coding: function(body, quality) for coding, function in _COMPRESS.items()}
    return bodies


def negotiate(bodies: dict[str, bytes], accepted: str) -> tuple[str, bytes]:
    """Return the coding and body that an Accept-Encoding header allows, brotli first."""
    offered = _offered(accepted[:MAX_HEADER])
    for coding in CODINGS:
        if coding in offered and coding in bodies:
            return coding, bodies[coding]
    return "identity", bodies["identity"]


def _compress_response(response: Response) -> Response:
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, "compressible", False) or response.is_streamed:
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    offered = _offered(request.headers.get("Accept-Encoding", "")[:MAX_HEADER])
    coding = next((each for each in CODINGS if each in offered), None)
    if coding is not None and len(body) >= MIN_SIZE:
        response.set_data(_COMPRESS[coding](body, ONE_OFF_QUALITY))
        response.headers["Content-Encoding"] = coding
    return response


@lru_cache(maxsize=128)  # browsers send the same few
def _offered(accepted: str) -> frozenset[str]:
    choices = parse_accept_header(accepted)
    return frozenset(coding.lower() for coding, quality in choices if quality > 0)
