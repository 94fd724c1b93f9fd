# Two commands do everything: `make run` serves the site, `make test` checks it. README.md says more.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# How many processes run the tests; 0: in this one, as a debugger wants it.
PROCESSES ?= auto

VENV := .venv/bin/python
FLASK := $(VENV) -m flask --app psgflask
TRANSLATIONS := $(VENV) psgflask/translations/compile.py
# A file's tests stay in one process, which builds its fixtures once, and the browser's come last.
# Bytecode is kept even where the environment says not to: each process would compile all modules.
PYTEST := PYTHONDONTWRITEBYTECODE= $(VENV) -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run serve test check lint test-whoosh3 audit drills bench bench-search evaluate \
	sample-archive lock messages wheel

help:  ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 16

run:  ## Install what is missing, prepare the database, serve on http://127.0.0.1:8000
	@$(PYTHON) requirements/install.py run
	@$(TRANSLATIONS)
	@$(FLASK) serve --prepare --host $(HOST) --port $(PORT)

serve:  ## Production: serve what is there; installs nothing, loads no sample content
	@$(FLASK) serve --host $(HOST) --port $(PORT)

test: lint  ## Run every check; PROCESSES=0 runs the tests in one process
	@$(VENV) -m tests.browser.chromium
	$(PYTEST)

check: lint  ## The quick checks, in about a minute: lint, and the tests that are not slow (tests/conftest.py)
	$(PYTEST) -m "not slow"

lint:  ## Lint, types and the order of imports; no tests
	@$(PYTHON) requirements/install.py test
	@$(TRANSLATIONS)
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	$(VENV) -m mypy
	.venv/bin/lint-imports

test-whoosh3:  ## Run every check of code over whoosh3 in the place of Whoosh-Reloaded
	@$(PYTHON) requirements/install.py test
	@$(TRANSLATIONS)
	@$(VENV) -m tests.browser.chromium
	$(VENV) -m pip install --quiet --upgrade --no-deps --target .whoosh3 \
		--require-hashes --requirement requirements/whoosh3.txt
	PYTHONPATH=.whoosh3 $(VENV) -c "import whoosh; print('whoosh', whoosh.__version__)"
	PYTHONPATH=.whoosh3 $(PYTEST)

audit:  ## The long checks: full axe matrix, html-validate, Lighthouse (needs Node 20)
	@$(PYTHON) requirements/install.py test
	@$(TRANSLATIONS)
	@$(VENV) -m tests.browser.chromium
	npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund
	$(VENV) -m tests.browser.audit

drills:  ## Faults and attacks with times in them
	@$(PYTHON) requirements/install.py test
	@$(TRANSLATIONS)
	$(VENV) -m tests.drills

bench:  ## Speed, as a ratio to a bare Flask view on the same server in the same run
	@$(PYTHON) requirements/install.py test
	@$(TRANSLATIONS)
	$(VENV) -m tests.benchmarks

bench-search:  ## Search beside tantivy, FTS5, Xapian and Whoosh; quicker: make bench-search BENCH="--articles 10000"
	@$(PYTHON) requirements/install.py bench
	@$(TRANSLATIONS)
	$(VENV) -m tests.benchmarks.search $(BENCH)

evaluate:  ## How well search ranks and corrects: make evaluate ARGS="tests/search/judged --each"
	@$(PYTHON) requirements/install.py test
	@$(VENV) -m tests.evaluation $(ARGS)

sample-archive:  ## A synthetic archive for load tests: make sample-archive ARTICLES=10000 INSTANCE=DIR
	@$(PYTHON) requirements/install.py test
	@$(if $(INSTANCE),PSG_INSTANCE=$(INSTANCE)) $(VENV) -m tests.sample_archive \
		$(if $(ARTICLES),--articles $(ARTICLES)) $(ARGS)

messages:  ## Bring the translations up to date with the code; says what is to be translated
	@$(PYTHON) requirements/install.py test
	@$(VENV) psgflask/translations/gather.py

wheel:  ## Build the wheel into dist/
	@$(PYTHON) requirements/install.py test
	$(VENV) -m hatchling build --target wheel

# Every pin anew, from pyproject.toml. Read the difference before you commit it.
COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --only-binary :all: --upgrade --quiet --custom-compile-command "make lock"

lock:  ## Refresh the pins (needs uv)
	$(COMPILE) --output-file requirements/run.txt
	$(COMPILE) --extra test --constraint requirements/run.txt --output-file requirements/test.txt
	$(COMPILE) --extra test --extra bench --constraint requirements/test.txt \
		--output-file requirements/bench.txt
