"""nginx in front of a server, set up by the very lines of docs/operating.md."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

OPERATING = Path(__file__).resolve().parents[1] / "docs" / "operating.md"
# Debian's own file leaves these two to the operator; the page says what to set.
MAIN = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main.log;
worker_processes 2;
{rlimit}
events {{ {connections} }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site;
}}
"""


class Front(NamedTuple):
    """nginx at work: its port, and its log."""

    port: int
    log: Path


def program() -> str | None:
    """Return nginx where it is installed."""
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def written() -> str:
    """Return what the page says of nginx's site, as it stands there."""
    page = OPERATING.read_text("utf-8")
    block = page.partition("`/etc/nginx/sites-available/psgflask`:\n")[2]
    lines = []
    for line in block.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line.removeprefix("    "))
    return "\n".join(lines).strip() + "\n"


@contextmanager
def proxied(port: int) -> Iterator[Front]:
    """Put nginx in front of what listens on a port of this machine; give what it is reached by."""
    page = OPERATING.read_text("utf-8")
    connections, rlimit = (
        found[0] if (found := re.search(pattern, page)) else ""
        for pattern in (r"worker_connections \d+;", r"worker_rlimit_nofile \d+;")
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        front = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare)
        site = written().replace("/var/log/nginx/", f"{folder}/")
        site = re.sub(r"listen \[::\]:80;\n", "\n", site)
        site = site.replace("listen 80;", f"listen 127.0.0.1:{front};")
        site = site.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")
        (folder / "site").write_text(site)
        main = MAIN.format(folder=folder, connections=connections, rlimit=rlimit)
        (folder / "nginx.conf").write_text(main)
        command = [str(program()), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(front, process)
                yield Front(front, folder / "psgflask.log")
            finally:
                process.terminate()
                process.wait(timeout=20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _attempt in range(100):
        if process.poll() is not None:
            raise RuntimeError(f"nginx ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("nginx did not open its port within 10 seconds")
