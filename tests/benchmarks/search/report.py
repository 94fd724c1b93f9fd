"""Prints the table, and draws the chart of it."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from statistics import median

from tests.benchmarks.search.measuring import Cell, Table, percentile, ratios

OURS = "ours"
WIDTH, LEFT, ROW, BAR = 760, 190, 18, 10
COLOURS = ("#9e2a2b", "#8a8f98", "#5b7f95", "#a08b5b", "#6d6d8f")


def lines(table: Table, names: Sequence[str]) -> list[str]:
    """Return the table in Markdown: ms, and how many times ours each peer takes."""
    head = [f"| p50 / p95 ms | {OURS} |" + "".join(f" {name} | × p50 | × p95 |" for name in names)]
    head.append("|---|---|" + "---|---|---|" * len(names))
    return head + [_line(kind, cells, names) for kind, cells in table.items()]


def first_touch(table: Table) -> str:
    """Return what our pages cost when every question is new."""
    costs = [cost for cells in table.values() for cost in cells[OURS].first]
    return f"{median(costs):.2f} / {percentile(costs, 95):.2f} / {max(costs):.2f}"


def behind(table: Table, names: Sequence[str]) -> list[str]:
    """Return the cells where the low end of the spread is not above 1."""
    return [
        f"{kind}, {name}, {label}: {middle:.2f} ({low:.2f}-{high:.2f})"
        for kind, cells in table.items()
        for name in names
        if name in cells
        for label in ("p50", "p95")
        for middle, low, high in [ratios(getattr(cells[name], label), getattr(cells[OURS], label))]
        if low <= 1
    ]


def _line(kind: str, cells: dict[str, Cell], names: Iterable[str]) -> str:
    ours = cells[OURS]
    parts = [f"| {kind} | {_ms(ours)} |"]
    for name in names:
        theirs = cells.get(name)
        if theirs is None:
            parts.append(" - | | |")
            continue
        parts.append(f" {_ms(theirs)} |")
        for label in ("p50", "p95"):
            middle, low, high = ratios(getattr(theirs, label), getattr(ours, label))
            said = f"{middle:.1f} ({low:.1f}-{high:.1f})"
            parts.append(f" {said} |" if low > 1 else f" **{said}** |")
    return "".join(parts)


def _ms(cell: Cell) -> str:
    return f"{median(cell.p50):.2f} / {median(cell.p95):.2f}"


def draw(file: Path, tables: dict[str, Table], names: Sequence[str]) -> None:
    """Draw p50 of each kind as bars, to the tenth power each, as an SVG of light or dark."""
    body: list[str] = []
    y = 40
    for title, table in tables.items():
        body.append(f'<text x="0" y="{y}" class="h">{escape(title)}: p50, CPU ms a page</text>')
        y += 14
        for kind, cells in table.items():
            body.append(f'<text x="0" y="{y + BAR + 4}">{escape(kind)}</text>')
            for place, name in enumerate((OURS, *names)):
                if name in cells:
                    value = median(cells[name].p50)
                    length = _length(value)
                    body.append(
                        f'<rect x="{LEFT}" y="{y}" width="{length:.0f}" height="{BAR}"'
                        f' fill="{COLOURS[place]}"/>'
                        f'<text x="{LEFT + length + 4:.0f}" y="{y + BAR - 1}" class="s">'
                        f"{escape(name)} {value:.2f}</text>"
                    )
                    y += BAR + 2
            y += 8
        y += 26
    style = (
        "text{font:13px sans-serif;fill:#222}.h{font-weight:bold}.s{font-size:9px}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}}"
    )
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}"'
        f' viewBox="0 0 {WIDTH} {y}" role="img" aria-label="Milliseconds a page of results takes">'
        f"<style>{style}</style>{''.join(body)}</svg>\n"
    )


def _length(milliseconds: float) -> float:
    """Return a bar's length: equal steps for equal ratios, from 0.05 ms on."""
    from math import log10

    return max(2.0, (log10(max(milliseconds, 0.05)) - log10(0.05)) * 150)
