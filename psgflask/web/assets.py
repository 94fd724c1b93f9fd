"""Static files: hashed addresses, one CSS bundle, compressed once and cached in memory."""

import hashlib
import mimetypes
import posixpath
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request

from psgflask.core import paths
from psgflask.web import compression, slots

BUNDLE = "css/site.css"
FIRST_STYLES = ("tokens.css", "base.css", "layout.css")
FOREVER = "public, max-age=31536000, immutable"
COMPRESSED = (".css", ".js", ".svg", ".txt", ".json", ".webmanifest")
TYPES = {".woff2": "font/woff2", ".webmanifest": "application/manifest+json"}

blueprint = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """A static file ready to be served; `bodies` by content coding."""

    content_type: str
    digest: str
    bodies: dict[str, bytes]


class AssetCache:
    """The static files of one app, read when first requested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.assets: dict[str, Asset | None] = {}
        self.lock = threading.RLock()

    def get(self, name: str) -> Asset | None:
        """Return a file by its name below static/, None when there is none."""
        with self.lock:
            if name not in self.assets:
                body = self._read(name)
                if body is None:  # not cached: clients may request any name
                    return None
                self.assets[name] = _asset(name, body)
            return self.assets[name]

    def address(self, name: str) -> str:
        """Return the hashed address of a file. Raises FileNotFoundError."""
        asset = self.get(name)
        if asset is None:
            raise FileNotFoundError(f"static/{name}")
        return f"/static/{asset.digest}/{name}"

    def _read(self, name: str) -> bytes | None:
        if name == BUNDLE:
            return self._bundle().encode()
        try:
            file = (self.folder / name).resolve()
            exists = file.is_relative_to(self.folder.resolve()) and file.is_file()
        except (OSError, ValueError):  # longer than any name may be, or with a NUL
            return None
        # One spelling for each file: every name that is served stays in memory.
        if not exists or name != posixpath.normpath(name) or file.suffix in {".py", ".css", ".md"}:
            return None
        return file.read_bytes()

    def _bundle(self) -> str:
        """Join the styles in layer order, without their comments, with hashed font addresses."""
        folder = self.folder / "css"
        rest = sorted(f.name for f in folder.glob("*.css") if f.name not in FIRST_STYLES)
        text = "\n".join((folder / name).read_text("utf-8") for name in (*FIRST_STYLES, *rest))
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"\n\s*\n+", "\n", re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE))
        return re.sub(r'url\("?\.\./([^")]+)"?\)', self._hashed, text)

    def _hashed(self, match: re.Match[str]) -> str:
        return f'url("{self.address(match[1])}")'


def init_app(app: Flask) -> None:
    """Serve static files at hashed addresses."""
    cache = AssetCache(paths.static())
    app.extensions["psg_assets"] = cache
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(static_url=cache.address, css_url=lambda: cache.address(BUNDLE))


@blueprint.get("/static/<digest>/<path:name>")
@slots.exempt
def serve(digest: str, name: str) -> Response:
    """Serve a static file; an old hash gets the present file, to be cached for an hour."""
    if request.script_root:
        abort(404)
    return _response(name, digest)


@blueprint.get("/favicon.ico")
@slots.exempt
def favicon() -> Response:
    """Serve the icon where browsers look for it by themselves."""
    return _response("images/favicon.ico", "")


def _response(name: str, digest: str) -> Response:
    cache: AssetCache = current_app.extensions["psg_assets"]
    asset = cache.get(name)
    if asset is None:
        abort(404)
    coding, body = compression.negotiate(asset.bodies, request.headers.get("Accept-Encoding", ""))
    response = Response(content_type=asset.content_type)
    etag = f"{asset.digest}-{coding}"
    response.set_etag(etag)
    response.headers["Vary"] = "Accept-Encoding"
    current = digest == asset.digest
    response.headers["Cache-Control"] = FOREVER if current else "public, max-age=3600"
    if coding != "identity":
        response.headers["Content-Encoding"] = coding
    response.set_data(body)
    response.make_conditional(request.environ)
    return response


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    content_type = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if suffix in COMPRESSED:
        bodies = compression.compress(body, quality=11)
        content_type += "; charset=utf-8" if not content_type.endswith("+xml") else ""
    else:
        bodies = {"identity": body}
    return Asset(content_type, hashlib.blake2b(body, digest_size=6).hexdigest(), bodies)
