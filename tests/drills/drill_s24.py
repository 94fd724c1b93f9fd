"""S24: hostile requests to every route of the whole WSGI application; none may make a fault.

`python -m tests.drills.drill_s24 [--requests 5000] [--seed 24] [--beginning /search]`.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests import hostile_requests
from tests.browser import content


def main() -> int:
    """Run the drill; return 0 when no answer was a fault and each was as it must be."""
    parser = argparse.ArgumentParser(description="S24: hostile requests to every route")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--beginning", default="/", help="of the addresses, as /search")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare, content.filled(Path(spare), "full") as app:
        begun = time.monotonic()
        outcome = hostile_requests.walk(app, args.requests, args.seed, args.beginning)
        seconds = time.monotonic() - begun
    for fault in outcome.faults[:20]:
        print(fault)
    faults = sum(count for code, count in outcome.statuses.items() if code >= 500)
    told = ", ".join(f"{code}: {count}" for code, count in sorted(outcome.statuses.items()))
    print(
        f"S24: {args.requests} requests in {seconds:.0f} s, {faults} times 5xx,"
        f" {len(outcome.faults)} answers not as they must be ({told})"
    )
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
