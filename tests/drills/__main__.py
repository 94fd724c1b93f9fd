"""Runs every drill, one after the other: `python -m tests.drills`."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Return 0 when every drill went well."""
    here = Path(__file__).parent
    failed = []
    for drill in sorted(file.stem for file in here.glob("drill_*.py")):
        if subprocess.run([sys.executable, "-m", f"tests.drills.{drill}"], check=False).returncode:
            failed.append(drill)
    print(f"Failed: {', '.join(failed)}" if failed else "Every drill went well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
