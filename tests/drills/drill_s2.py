"""S2: a flood of searches on the real server; the home page must stay quick.

`python -m tests.drills.drill_s2 [--articles 10000] [--clients 50] [--seconds 30]`.
"""

import argparse
import sys

from psgflask.database import db, utc_now
from psgflask.search import documents
from psgflask.search.language import words
from tests.benchmarks.search import crowd
from tests.drills import drill_r5
from tests.drills.installation import fresh, let_go

MOST_HOME_P95 = 100  # ms
WORDS_OF = 200  # articles


def main() -> int:
    """Run the drill; return 0 when the home page kept to its time and nothing failed."""
    asked = argparse.ArgumentParser(description="S2: a flood of searches")
    asked.add_argument("--articles", type=int, default=10_000)
    asked.add_argument("--clients", type=int, default=50)
    asked.add_argument("--seconds", type=float, default=30)
    chosen = asked.parse_args()
    with fresh(chosen.articles) as app:
        with app.app_context():
            some = documents.of(db.session(), range(1, WORDS_OF + 1), utc_now())
            let_go()
        known = [word.folded for each in some for word in words(each.body) if len(word.folded) > 3]
        with drill_r5.site() as port:
            crowd.gathered(port, known, 2, 2)  # warm
            flood = crowd.gathered(port, known, chosen.clients, chosen.seconds)
    print(f"S2: {flood.told()}")
    is_well = flood.home_p95 <= MOST_HOME_P95 and set(flood.statuses) <= {200, 503}
    return 0 if is_well and flood.statuses[200] else 1


if __name__ == "__main__":
    sys.exit(main())
