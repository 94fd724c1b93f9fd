"""The packages that this code needs: which are missing or too old, and how to install them.

Imports the standard library alone: it runs where the others cannot be imported.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Name and lowest version of a requirement such as "Flask>=3.1.3,<3.2" or "Flask<3.2,>=3.1.3".
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)[^;]*?>=\s*(?P<lowest>[\w.]+)")
INSTALL = "python3 requirements/install.py run && .venv/bin/flask init"
INSTALL_WHEEL = "pip install --require-hashes -r requirements/run.txt && psgflask init"


def fault() -> tuple[str, str] | None:
    """Return what is wrong and what to run, None where everything is installed."""
    wrong = "; ".join(_unmet())
    if not wrong:
        return None
    install = INSTALL if _in_checkout() else INSTALL_WHEEL
    return f"This code needs packages that are not installed ({wrong})", install


def sentence() -> str | None:
    """Return the same in one sentence."""
    found = fault()
    return f"{found[0]}: run {found[1]}" if found else None


def _unmet() -> Iterator[str]:
    """Yield the requirements that are missing or too old."""
    for requirement in _requirements():
        if (match := REQUIREMENT.match(requirement)) is None:
            continue
        name, lowest = match["name"], match["lowest"]
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield f"{name} is missing"
            continue
        if _numbers(installed) < _numbers(lowest):
            yield f"{name} is {installed}, and {lowest} is needed"


def _requirements() -> list[str]:
    """Return the direct requirements at run time, as pyproject.toml or the wheel has them."""
    if _in_checkout():
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
        return list(project["project"]["dependencies"])
    try:
        listed = metadata.requires("psgflask") or []
    except metadata.PackageNotFoundError:
        return []
    return [line for line in listed if "extra ==" not in line]


def _in_checkout() -> bool:
    return (CHECKOUT / "pyproject.toml").is_file()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
