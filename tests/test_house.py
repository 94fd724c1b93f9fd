"""The conventions of the project, as tests."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from psgflask.core import config
from tests.browser.states import STATES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "psgflask"
TESTS = ROOT / "tests"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

TOP_LEVEL = {
    *("pyproject.toml", "psgflask", "instance", "templates", "static", "tests", "wsgi.py"),
    *("README.md", "LICENSE", "CHANGELOG.md", "Makefile", "requirements", "migrations", "docs"),
    ".ci",
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "services", "tools"}
NOT_IN_THE_SERVER = ("alembic", "flask_migrate", "mako", "rich", "PIL", "pypdf", "pytest")
# Loaded by the first form that wants them: start-up is mostly imports.
NOT_BEFORE_A_FORM = ("email_validator", "dns", "phonenumbers")
NOT_BEFORE_A_MAIL = ("smtplib",)
LICENCES = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Zlib|HPND|CC0|Unlicense", re.I
)
MAX_FILE, MAX_FUNCTION, MAX_DEPENDENCIES = 400, 60, 30


def tracked() -> list[Path]:
    """Return the files that the project consists of."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted({ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()})


FILES = tracked()
CODE = [file for file in FILES if file.suffix == ".py"]
SITE_CODE = [file for file in CODE if PACKAGE in file.parents]


def named(file: Path) -> str:
    """Return a file's name as readers of a failure know it."""
    return file.relative_to(ROOT).as_posix()


def lines_of(files: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield each line of the files with its place; what is no text is passed over."""
    for file in files:
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{named(file)}:{number}", line


def imports_of(file: Path) -> set[str]:
    """Return the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def test_the_top_level_contains_only_what_is_listed() -> None:
    found = {named(file).split("/")[0] for file in FILES}
    assert {name for name in found if not name.startswith(".")} <= TOP_LEVEL


# Routes


def routes(app: Flask) -> dict[str, list[str]]:
    """Return every address pattern of the site with its methods."""
    return {
        rule.rule: sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        for rule in app.url_map.iter_rules()
    }


def test_no_address_appears_or_vanishes_unnoticed(app: Flask) -> None:
    kept = json.loads((TESTS / "route-list.json").read_text("utf-8"))
    assert routes(app) == {rule: entry["methods"] for rule, entry in kept.items()}


def test_each_address_is_visited_by_a_browser_test_or_has_a_reason(app: Flask) -> None:
    kept = json.loads((TESTS / "route-list.json").read_text("utf-8"))
    assert [rule for rule, entry in kept.items() if not entry.get("visits", entry.get("why"))] == []
    visited = {state.path for state in STATES}
    assert {path for entry in kept.values() for path in entry.get("visits", [])} <= visited
    for rule, entry in kept.items():
        for path in entry.get("visits", []):
            found, _values = app.url_map.bind("127.0.0.1").match(
                path.split("?")[0], return_rule=True
            )
            assert found.rule == rule


# Templates


def test_every_template_compiles(app: Flask) -> None:
    names = app.jinja_env.list_templates()
    assert len(names) > 10
    for name in names:
        app.jinja_env.get_template(name)


def test_markup_is_trusted_only_where_a_reason_is_given() -> None:
    allowed = json.loads((TESTS / "house_trusted_markup.json").read_text("utf-8"))
    # `autoescape=True` is SQLAlchemy's escaping of a LIKE.
    trust = re.compile(r"\|\s*safe\b|\bMarkup\(|autoescape(?!=True)")
    trusting = {
        named(file): len(found)
        for file in FILES
        if (PACKAGE in file.parents and file.suffix == ".py") or ROOT / "templates" in file.parents
        if (found := trust.findall(file.read_text("utf-8")))
    }
    assert trusting == {name: entry["times"] for name, entry in allowed.items()}
    assert all(entry["why"] for entry in allowed.values())


def test_templates_contain_no_inline_style_or_script() -> None:
    inline = re.compile(
        r"\sstyle=|<style|\son[a-z]+=\"|javascript:|<script(?![^>]*(src=|ld\+json))"
    )
    pages = [file for file in FILES if ROOT / "templates" in file.parents]
    pages.remove(ROOT / "templates/mail/bare.html")  # a mail can load no style sheet
    assert [place for place, line in lines_of(pages) if inline.search(line)] == []


# Documents


def test_every_setting_is_documented() -> None:
    text = "".join(
        file.read_text("utf-8") for file in FILES if file.suffix == ".md" and "docs" in file.parts
    )
    missing = [entry.name for entry in config.SETTINGS if f"`{entry.name}`" not in text]
    assert missing == []


def test_the_map_in_the_readme_is_complete() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    mapped = set(re.findall(r"^\| `psgflask/([\w.]+)/?` \|", readme, re.MULTILINE))
    there = {
        entry.name
        for entry in PACKAGE.iterdir()
        if entry.suffix == ".py" or (entry.is_dir() and list(entry.glob("*.py")))
    }
    assert mapped == there


def test_every_command_in_the_readme_exists(app: Flask) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named_there = set(re.findall(r"`flask ([a-z][\w-]*)", readme))
    makes = set(re.findall(r"`make ([a-z][\w-]*)", readme))
    targets = set(
        re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    assert named_there <= set(app.cli.commands)
    assert makes <= targets


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of each command of a group and of the groups in it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield *path, name


def test_the_readme_lists_each_command_and_no_other(app: Flask) -> None:
    there = set(commands(app.cli))
    groups = {path[:-1] for path in there}
    named_there = set()
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `flask ([^`]+)` \| (.+) \|$", readme, re.MULTILINE)
    for command, description in rows:
        words = tuple(re.findall(r"(?<!\S)[a-z][\w-]*(?!\S)", command))
        group = words if words in groups else words[:-1]
        named_there |= {words} - groups
        named_there |= {(*group, name) for name in re.findall(r"`([a-z][\w-]*)`", description)}
        named_there |= {(name,) for name in re.findall(r"`flask ([a-z][\w-]*)", description)}
    assert named_there == there


def test_links_between_documents_are_not_broken() -> None:
    documents = [f for f in FILES if f.suffix == ".md" and PACKAGE not in f.parents]
    dead = [
        f"{named(file)}: {target}"
        for file in documents
        for target in re.findall(r"\]\(([^)#\s]+)", file.read_text("utf-8"))
        if "://" not in target and not (file.parent / target).exists()
    ]
    assert dead == []


def test_paths_named_in_documents_exist() -> None:
    documents = [f for f in FILES if f.suffix == ".md" and f.parent in {ROOT, ROOT / "docs"}]
    named_path = re.compile(r"`((?:psgflask|templates|static|tests|migrations|docs)/[\w./-]+)`")
    missing = [
        f"{named(file)}: {path}"
        for file in documents
        if file.name != "CHANGELOG.md"  # which tells of former code
        for path in named_path.findall(file.read_text("utf-8"))
        if not (ROOT / path).exists()
    ]
    assert missing == []


def defined_tests() -> set[str]:
    """Return the names of all test functions."""
    return {
        name
        for file in CODE
        if file.name.startswith("test_")
        for name in re.findall(
            r"^\s*(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE
        )
    }


def requirement_rows() -> dict[str, str]:
    """Return the number of each requirement, such as "S1", with its cell of tests and drills."""
    text = (ROOT / "docs/requirements.md").read_text("utf-8")
    rows = re.findall(r"^\| ([SRA]\d+) \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    assert len(rows) == len(dict(rows)) > 60
    return dict(rows)


def test_every_test_that_a_requirement_names_exists() -> None:
    tests = defined_tests()
    dead: list[str] = []
    for row, held_by in requirement_rows().items():
        for name in re.findall(r"`([^`]+)`", held_by):
            if name.startswith("test_"):
                exists = any(re.fullmatch(name.replace("*", r"\w+"), each) for each in tests)
            else:
                exists = (ROOT / name).is_file()
            if not exists:
                dead.append(f"{row}: {name}")
    assert dead == []


def test_every_requirement_with_tests_of_its_own_names_them() -> None:
    rows = requirement_rows()
    numbered = re.compile(r"test_([sra]\d+)_")
    named_after = {
        (m[1].upper(), f"test_{m[1]}_*") for t in defined_tests() if (m := numbered.match(t))
    }
    for drill in (TESTS / "drills").glob("drill_[sra][0-9]*.py"):
        named_after.add((drill.stem.removeprefix("drill_").upper(), named(drill)))
    assert len(named_after) > 40
    assert [pair for pair in named_after if pair[1] not in rows.get(pair[0], "")] == []


def test_functions_named_in_the_page_on_ranking_exist() -> None:
    text = (ROOT / "docs/ranking.md").read_text("utf-8")
    modules = {f.stem: f.read_text("utf-8") for f in SITE_CODE if PACKAGE / "search" in f.parents}
    functions = [
        (module, name)
        for module, name in re.findall(r"`(\w+)\.(\w+)`", text)
        if name not in {"md", "py"}
    ]
    assert len(functions) > 20
    assert [
        f"{module}.{name}"
        for module, name in functions
        if not re.search(rf"(def|class) {name}\b", modules.get(module, ""))
    ] == []


# Imports (the order of the packages is import-linter's, in pyproject.toml)


def test_packages_in_brackets_do_not_exist_yet() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    bracketed = re.findall(r"\((\w+)\)", " ".join(layers))
    assert [name for name in bracketed if (PACKAGE / name).exists()] == []


def test_the_server_imports_nothing_that_only_commands_need(instance: Path) -> None:
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\nfrom wsgi import app\nclient = app.test_client()\n"
            "assert client.get('/').status_code == 200\n"
            "print(' '.join(name.split('.')[0] for name in sys.modules))",
        ],
        cwd=ROOT,
        env={"PSG_INSTANCE": str(instance), "PSG_SECRET_KEY": "x", "PSG_WORKER": "no"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(seen.stdout.split())
    assert "flask" in loaded
    late = NOT_BEFORE_A_FORM + NOT_BEFORE_A_MAIL
    assert loaded & set(NOT_IN_THE_SERVER + late) == set()


# How code is written


@pytest.mark.parametrize("file", CODE, ids=named)
def test_a_module_has_a_docstring(file: Path) -> None:
    if not (text := file.read_text("utf-8")).strip():
        return
    if file.name.startswith("test_") or "versions" in file.parts:
        return
    opening = ast.get_docstring(ast.parse(text)) or ""
    assert opening.split("\n")[0].strip(), f"{named(file)} does not open with a sentence"


def test_packages_print_only_through_core_terminal() -> None:
    printing = re.compile(r"click\.(echo|secho)\(")
    own = {"core", "ops"}  # the terminal itself, and what belongs to no feature
    features = [file for file in SITE_CODE if file.relative_to(PACKAGE).parts[0] not in own]
    assert [place for place, line in lines_of(features) if printing.search(line)] == []


def test_files_and_functions_stay_short() -> None:
    long: list[str] = []
    for file in SITE_CODE:
        text = file.read_text("utf-8")
        if text.count("\n") > MAX_FILE:
            long.append(named(file))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > MAX_FUNCTION:
                    long.append(f"{named(file)}:{node.lineno} {node.name}")
    assert long == []


def test_files_have_no_vague_names() -> None:
    assert [named(f) for f in FILES if f.stem in FORBIDDEN_NAMES] == []


def test_no_comment_is_a_to_do() -> None:
    later = re.compile(r"(#|//|/\*|<!--|\{#).*\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    own = [file for file in FILES if not file.name.endswith((".min.js", ".txt", ".json"))]
    assert [place for place, line in lines_of(own) if later.search(line)] == []


def test_every_lint_exception_names_its_code_and_its_reason() -> None:
    exception = re.compile(r"#\s*(noqa|type:\s*ignore)")
    reasoned = re.compile(r"#\s*(noqa:\s*[A-Z]+\d+[\w, ]*|type:\s*ignore\[[\w, -]+\])\s*#\s*\S")
    bare = [
        place
        for place, line in lines_of([f for f in CODE if f.name != Path(__file__).name])
        if exception.search(line) and not reasoned.search(line)
    ]
    assert bare == []


def test_no_package_index_and_no_path_of_a_machine_is_committed() -> None:
    told = re.compile(
        r"https?://\S+/simple\b|\"resolved\":|registry\s*=\s*[\"']?http"
        + r"|--(extra-)?index-url|(?<!\w)/(root|home)/\w"
        + "|"
        + re.escape(f"{ROOT}/")
    )
    own = [file for file in FILES if file.name != "axe.min.js" and file != Path(__file__)]
    assert [place for place, line in lines_of(own) if told.search(line)] == []


# What the site stands on


def dependency_lines() -> list[tuple[str, str]]:
    """Return (requirement, reason) for each direct dependency, as pyproject.toml says them."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    block = text.split("\ndependencies = [")[1].split("\n[tool")[0]
    return re.findall(r'^    "([^"]+)",?\s*(?:#\s*(.*))?$', block, re.MULTILINE)


def test_s26_every_direct_dependency_has_its_reason_beside_it() -> None:
    assert len(dependency_lines()) > 20
    assert [requirement for requirement, reason in dependency_lines() if not reason] == []
    assert len(PROJECT["project"]["dependencies"]) <= MAX_DEPENDENCIES


@pytest.mark.parametrize("name", ["run", "test"])
def test_s26_every_requirement_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    entries = re.split(r"\n(?=[A-Za-z])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    assert len(entries) > 20
    assert [e.split()[0] for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


def test_s26_both_locks_agree_and_hold_every_dependency() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    run, test = pins("run"), pins("test")
    assert run.items() <= test.items()
    direct = {
        re.split(r"[<>=~!;\[ ]", entry)[0].lower().replace("_", "-")
        for entry in PROJECT["project"]["dependencies"]
    }
    assert direct <= set(run)


def test_s25_every_shipped_distribution_has_an_allowed_licence() -> None:
    text = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    unclear = []
    for name, marker in re.findall(r"^([\w.-]+)==[^ ;\\]+( ;[^\\]*)?", text, re.MULTILINE):
        if marker and "win32" in marker:
            continue
        about = importlib.metadata.metadata(name)
        said = [*about.get_all("License-Expression", []), *about.get_all("License", [])]
        said += [line for line in about.get_all("Classifier", []) if line.startswith("License")]
        if not LICENCES.search(" ".join(said)):
            unclear.append(f"{name}: {said}")
    assert unclear == []


def test_s25_the_security_rules_of_the_linter_are_on() -> None:
    chosen: list[str] = PROJECT["tool"]["ruff"]["lint"]["select"]
    ignored: list[str] = PROJECT["tool"]["ruff"]["lint"]["ignore"]
    assert "S" in chosen
    assert [code for code in ignored if code.startswith("S")] == []


def test_warnings_are_errors() -> None:
    assert "-W error" in PROJECT["tool"]["pytest"]["ini_options"]["addopts"]
