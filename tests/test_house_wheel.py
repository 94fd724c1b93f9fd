"""The wheel: built here, installed elsewhere, migrated and read, with nothing of the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READ_HOME = (
    "from psgflask import create_app, paths\n"
    "client = create_app().test_client()\n"
    "home = client.get('/')\n"
    "assert home.status_code == 200, home.status\n"
    "style = home.text.split('rel=\"stylesheet\" href=\"')[1].split('\"')[0]\n"
    "assert client.get(style).status_code == 200, style\n"
    "assert client.get('/es/').status_code == 200\n"
    "assert 'Buscar' in client.get('/es/').text\n"
    "print(paths.templates())"
)


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing of our environment but the PATH."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files: what a build server would see."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    built = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the locked requirements, far from the checkout.

    The requirements are those installed here; the package itself can only come from the wheel.
    """
    home = tmp_path_factory.mktemp("elsewhere")
    environment = home / "venv"
    made = run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=home)
    assert made.returncode == 0, made.stderr
    names = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=names))
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    python = str(environment / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    done = run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    assert done.returncode == 0, done.stderr
    return environment / "bin"


def test_the_wheel_contains_templates_styles_migrations_and_translations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "psgflask/templates/base.html",
        "psgflask/static/css/tokens.css",
        "psgflask/migrations/env.py",
        "psgflask/search/glossary.tsv",
        "psgflask/translations/es/LC_MESSAGES/messages.mo",
    ):
        assert wanted in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if ".dist-info" not in top} == {"psgflask"}


def test_installed_elsewhere_it_migrates_and_serves(installed: Path, tmp_path: Path) -> None:
    instance = tmp_path / "installation"
    strict = {"PSG_INSTANCE": str(instance), "PYTHONWARNINGS": "error"}
    ready = run(installed / "psgflask", "init", cwd=tmp_path, **strict)
    assert ready.returncode == 0, ready.stderr
    assert (instance / "config.py").stat().st_mode & 0o777 == 0o600
    read = run(installed / "python", "-c", READ_HOME, cwd=tmp_path, **strict)
    assert read.returncode == 0, read.stderr
    assert read.stdout.strip().startswith(str(installed.parent))


def test_installed_without_an_instance_it_refuses_to_start(installed: Path, tmp_path: Path) -> None:
    lost = run(installed / "psgflask", "init", cwd=tmp_path)
    assert lost.returncode != 0
    assert "PSG_INSTANCE" in lost.stderr
    assert "Traceback" not in lost.stderr
