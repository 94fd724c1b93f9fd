"""`make bench`: every benchmark that needs no peer."""

import sys

from tests.benchmarks import bench_pages

sys.exit(bench_pages.main())
