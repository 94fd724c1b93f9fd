"""Runs every drill, one after the other: `python -m tests.drills`."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Return 0 when every drill went well."""
    drills = sorted(file.stem for file in Path(__file__).parent.glob("drill_*.py"))
    failed = [drill for drill in drills if not _goes_well(drill)]
    print(f"Failed: {', '.join(failed)}" if failed else "Every drill went well")
    return 1 if failed else 0


def _goes_well(drill: str) -> bool:
    command = [sys.executable, "-m", f"tests.drills.{drill}"]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
