"""Draws the table as a chart: a bar as long as p50, a line on to p95, for each kind and engine."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import log10
from pathlib import Path
from statistics import median

from tests.benchmarks.search.measuring import Cell, Table
from tests.benchmarks.search.report import OURS

WIDTH, LEFT, RIGHT = 800, 90, 640
BAR, BETWEEN, ABOVE = 9, 10, 64  # heights: a bar, between kinds, above the first
LEAST, MOST = 0.05, 2_000.0  # ms: where the scale begins and ends
GRID = (0.1, 1, 10, 100, 1_000)
COLOURS = ("#880e39", "#8a8f98", "#5b7f95", "#a08b5b", "#6d6d8f")
STYLE = """
text{font:12px sans-serif;fill:#17191b}.title{font-size:15px;font-weight:bold}
.small{font-size:9px}.grid{stroke:#b3b9b6;stroke-width:.5}.on{stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#ece9e3}.ours{fill:#ee95a9;stroke:#ee95a9}}
"""


def draw(file: Path, tables: Mapping[str, Table], names: Sequence[str]) -> None:
    """Write an SVG, fit for a light page and a dark one; `names` are the peers' in order."""
    body: list[str] = []
    y = 20
    for title, table in tables.items():
        rows = sum(len(cells) * BAR + BETWEEN for cells in table.values())
        body += _head(title, y, rows)
        body += _bars(table, (OURS, *names), y + ABOVE)
        y += ABOVE + rows + 24
    label = "Processor time that a page of results takes, by kind of search and engine"
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}"'
        f' viewBox="0 0 {WIDTH} {y}" role="img" aria-label="{label}">'
        f"<style>{STYLE}</style>{chr(10).join(body)}</svg>\n"
    )


def _head(title: str, y: int, rows: int) -> Iterator[str]:
    yield f'<text x="0" y="{y}" class="title">{escape(title)}</text>'
    said = "processor time of a page, ms: p50 the bar, p95 the line; each step is ten times as much"
    yield f'<text x="0" y="{y + 18}">{said}</text>'
    for value in GRID:
        x, top = _x(value), y + ABOVE - 12
        yield f'<text x="{x:.0f}" y="{top - 4}" class="small">{value:g}</text>'
        yield f'<path d="M{x:.1f} {top}v{rows + 6}" class="grid"/>'


def _bars(table: Table, names: Sequence[str], y: int) -> Iterator[str]:
    for kind, cells in table.items():
        yield f'<text x="0" y="{y + BAR}">{escape(kind)}</text>'
        for colour, name in zip(COLOURS, names, strict=False):
            if name in cells:
                yield _bar(name, colour, cells[name], y)
                y += BAR
        y += BETWEEN


def _bar(name: str, colour: str, cell: Cell, y: int) -> str:
    usual, slow = median(cell.p50), median(cell.p95)
    end = _x(slow)
    return (
        f'<g fill="{colour}" stroke="{colour}" class="{"ours" if name == OURS else "theirs"}">'
        f'<path stroke="none" d="M{LEFT} {y}H{_x(usual):.1f}v{BAR - 1}H{LEFT}z"/>'
        f'<path class="on" d="M{_x(usual):.1f} {y + BAR / 2 - 0.5}H{end:.1f}"/></g>'
        f'<text x="{end + 4:.0f}" y="{y + BAR - 1.5}" class="small">'
        f"{escape(name)} {usual:.2f} / {slow:.2f}</text>"
    )


def _x(milliseconds: float) -> float:
    """Return how far right a time stands: equal steps for equal ratios."""
    share = log10(max(milliseconds, LEAST) / LEAST) / log10(MOST / LEAST)
    return LEFT + share * (RIGHT - LEFT)
