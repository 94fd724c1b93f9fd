"""Prints the table."""

from collections.abc import Iterable, Sequence
from statistics import median

from tests.benchmarks.search.measuring import Cell, Table, ratios, spread

OURS = "ours"


def lines(table: Table, names: Sequence[str]) -> list[str]:
    """Return the table in Markdown: ms, and how many times ours each peer takes."""
    head = [f"| p50 / p95 ms | {OURS} |" + "".join(f" {name} | × p50 | × p95 |" for name in names)]
    head.append("|---|---|" + "---|---|---|" * len(names))
    return head + [_line(kind, cells, names) for kind, cells in table.items()]


def first_touch(table: Table) -> str:
    """Return what our pages cost when every question is new."""
    return spread([cost for cells in table.values() for cost in cells[OURS].first])


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
