"""requirements/install.py: what `make` does before anything is installed."""

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The step as a module, working on a folder of the test's own."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "requirements" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / "run.txt").write_text("flask==3\n", "utf-8")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    return module


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if anything is started."""

    def started(*args: object, **kwargs: object) -> None:
        pytest.fail(f"started {args}")

    monkeypatch.setattr("subprocess.run", started)


def test_a_second_run_installs_nothing(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch)
    (tmp_path / ".venv" / "bin" / "python").touch()
    digest = hashlib.sha256((tmp_path / "run.txt").read_bytes()).hexdigest()
    install.stamp_of("run").write_text(digest)
    install.install("run")
    (tmp_path / "run.txt").write_text("flask==4\n", "utf-8")
    with pytest.raises(pytest.fail.Exception, match="started"):
        install.install("run")


def test_a_python_that_is_too_old_is_reported_in_one_line_with_what_to_do(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch)
    monkeypatch.setattr(install, "OLDEST", (9, 0))
    with pytest.raises(SystemExit, match="or newer is needed") as stopped:
        install.install("run")
    assert "\n" not in str(stopped.value)


def test_a_missing_venv_module_is_reported_in_one_line_with_what_to_do(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch)
    monkeypatch.setitem(__import__("sys").modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv") as stopped:
        install.install("run")
    assert "\n" not in str(stopped.value)
