"""`make audit`: axe over the whole matrix, html-validate over every page, Lighthouse over six.

Needs Node 20 and a Chromium. Prints a line for each check, ends with 1 when any fails.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.benchmarks.servers import serving
from tests.browser import chromium, content
from tests.browser.states import STATES, visit
from tests.browser.test_axe import examine
from tests.conftest import Visitor
from tests.test_crawl import crawl

HERE = Path(__file__).resolve().parent
TOOLS = HERE / "node_modules" / ".bin"
SCHEMES = ("light", "dark")
WIDTHS = (320, 1280)
LOOKS: tuple[dict[str, str], ...] = (
    *({"color_scheme": scheme} for scheme in SCHEMES),
    {"contrast": "more"},
    {"forced_colors": "active"},
)
PAGE_TYPES = (
    "/",
    "/news/",
    "/news/everything",
    "/topics/society",
    "/search/?q=radio",
    "/about/aims",
)
RUNS = 3
TRIES = 3  # on a busy machine its browser may not come up
# Result pages ask search engines not to list them, as those engines want it: no fault of theirs.
UNLISTED = "/search/"
# Performance is a median and gates nothing; these do (requirement A2).
GATES = ("accessibility", "best-practices", "seo")


def axe_matrix(stack: ExitStack, folder: Path, browser_path: str) -> list[str]:
    """Return what axe finds in every state, look and width."""
    addresses: dict[str, str] = {}
    for kind in sorted({state.site for state in STATES}):
        with content.filled(folder / kind, kind):
            pass
        server = stack.enter_context(
            serving("wsgi:app", PSG_INSTANCE=str(folder / kind), PSG_SECRET_KEY=content.SECRET)
        )
        addresses[kind] = f"http://127.0.0.1:{server.port}"
    wrong: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=chromium.arguments())
        for look in LOOKS:
            for width in WIDTHS:
                viewport = {"width": width, "height": 900}
                context = browser.new_context(viewport=viewport, **look)  # type: ignore[arg-type]  # literals
                page = context.new_page()
                for state in STATES:
                    visit(page, state, at=addresses[state.site])
                    found = examine(page)
                    wrong += [f"{state.name} {look} {width}px: {line}" for line in found]
                context.close()
        browser.close()
    total = len(LOOKS) * len(WIDTHS) * len(STATES)
    print(f"axe: {len(wrong)} faults in {total} looks at {len(STATES)} states")
    return wrong


def valid_html(folder: Path) -> list[str]:
    """Return what html-validate finds in every page that links lead to."""
    rendered = folder / "pages"
    rendered.mkdir()
    with content.filled(folder / "crawled", "full") as app:
        app.test_client_class = Visitor
        pages = {path: seen.html for path, seen in crawl(app.test_client()).items() if seen.html}
    names = {}
    for number, (path, html) in enumerate(sorted(pages.items())):
        names[f"{number}.html"] = path
        (rendered / f"{number}.html").write_text(html, "utf-8")
    command = [str(TOOLS / "html-validate"), "--config", str(HERE / "html-validate.json")]
    report_file = folder / "html-validate.json"  # a file: what Node writes to a pipe is cut off
    command += ["--formatter", f"json={report_file}", str(rendered / "*.html")]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    wrong = [
        f"{names[Path(report['filePath']).name]}:{message['line']} {message['ruleId']}:"
        f" {message['message']}"
        for report in json.loads(report_file.read_text("utf-8"))
        for message in report["messages"]
    ]
    if done.returncode and not wrong:
        wrong = [done.stdout + done.stderr]
    print(f"html-validate: {len(wrong)} faults in {len(pages)} pages")
    return wrong


def lighthouse(stack: ExitStack, folder: Path, browser_path: str) -> list[str]:
    """Return the categories below 100 that gate; print the median of all four."""
    server = stack.enter_context(serving("wsgi:app", PSG_INSTANCE=str(folder / "full")))
    wrong = []
    for path in PAGE_TYPES:
        runs = [
            _one_run(f"http://127.0.0.1:{server.port}{path}", browser_path) for _ in range(RUNS)
        ]
        medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(f"Lighthouse {path}: {', '.join(f'{n} {v:.0f}' for n, v in medians.items())}")
        wrong += [
            f"Lighthouse {path}: {name} {medians[name]:.0f}"
            for name in GATES
            if medians[name] < 100
        ]
    return wrong


def _one_run(address: str, browser_path: str) -> dict[str, float]:
    flags = " ".join(["--headless=new", *chromium.arguments()])
    command = [
        str(TOOLS / "lighthouse"),
        address,
        "--output=json",
        "--quiet",
        f"--chrome-flags={flags}",
    ]
    if UNLISTED in address:
        command.append("--skip-audits=is-crawlable")
    environment = {**os.environ, "CHROME_PATH": browser_path}
    for _attempt in range(TRIES):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        print(f"Lighthouse did not come to an end: {done.stderr.strip().splitlines()[-1:]}")
    else:
        raise SystemExit("Lighthouse does not run here")
    categories = json.loads(done.stdout)["categories"]
    return {name: 100 * (category["score"] or 0) for name, category in categories.items()}


def main() -> int:
    """Run every check; return the exit code."""
    with sync_playwright() as driver:
        browser_path = chromium.find(driver)
    if not browser_path:
        print("No Chromium here: install the package chromium")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="audit-"))
    try:
        with ExitStack() as stack:
            wrong = axe_matrix(stack, folder, browser_path)
            wrong += valid_html(folder)
            wrong += lighthouse(stack, folder, browser_path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(wrong))
    print(f"{len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
