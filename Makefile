# The same commands on a laptop and in CI. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BROWSER := $(VENV)/.browser
ROUNDS ?= 300
# Two more than there are cores: tests of whole systems wait as much as they work.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)
CAPTURE_ROUNDS ?= 200
BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run test crash crash-capture faults check docs bench bench-matching bench-live bench-long lock clean

help:  ## list the targets
	@echo "make run      set up, then sync the sample sheet into SQLite, CRM and a stand-in Airtable"
	@echo "make test     set up, then run all tests"
	@echo "make crash    kill -9 at random instants, 300 rounds; others with ROUNDS=… SEED=…"
	@echo "make crash-capture  the same for those who hand captures over and record them, and their Redis; 200 rounds, forty minutes"
	@echo "make faults   leads up with its parts killed, its folders deleted, its services away; a quarter of an hour"
	@echo "make check    lint, types, imports, definitions, generated docs"
	@echo "make docs     write docs/configuration.md from the settings"
	@echo "make bench    measure and write docs/benchmarks.md; some of it with SECTIONS=\"loading one-row\""
	@echo "make bench-matching  leads with known answers and FEBRL, matched beside Splink; written into the same page"
	@echo "make bench-live  edits on their way through leads up beside stock Dagster, and many customers; the same page"
	@echo "make bench-long  the same for what takes longer than a quarter of an hour"
	@echo "make lock     resolve requirements.lock anew (needs uv and a network)"
	@echo "make clean    remove what the tools made; .leads, your data, stays"

# Only what the lock names, by hash; nothing is asked of the network once it is installed.
$(STAMP): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; make PYTHON=…")'
	@echo "Setting up $(VENV) (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP)
	@$(BIN)/python -m leads_dagster.interfaces.first_run

# The pages are tried in the machine's own Chromium; where there is none, Debian's is installed.
$(BROWSER): $(STAMP)
	@for one in chromium chromium-browser google-chrome; do command -v $$one >/dev/null && exit 0; done; \
		echo "Installing Chromium, for the tests of the dashboard"; \
		test "$$(id -u)" = 0 || sudo=sudo; \
		$$sudo apt-get update -qq && $$sudo apt-get install -qq -y --no-install-recommends chromium >/dev/null
	@touch $@

test: $(STAMP) $(BROWSER)
	@echo "Tests"
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

crash: $(STAMP)
	@echo "Killing $(ROUNDS) times"
	@$(BIN)/python -m leads_dagster_tests.acceptance.crash_loop --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))
	@MANY_WRITES=500 $(BIN)/python -m pytest -q leads_dagster_tests/store/test_many_processes.py

crash-capture: $(STAMP)
	@echo "Killing around the capture queue, $(CAPTURE_ROUNDS) rounds in a file and in Redis"
	@$(BIN)/python -m leads_dagster_tests.acceptance.capture_crash --rounds $(CAPTURE_ROUNDS) $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m leads_dagster_tests.acceptance.capture_crash --road --rounds $(CAPTURE_ROUNDS) $(if $(SEED),--seed $(SEED))

faults: $(STAMP)
	@echo "Faults of the live system, for real"
	@$(BIN)/python -m leads_dagster_tests.acceptance.live_faults

check: $(STAMP)
	@echo "Lint and format"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "Types"
	@$(BIN)/mypy
	@echo "Imports"
	@$(BIN)/lint-imports --no-logo
	@echo "Definitions"
	@DAGSTER_HOME= VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/dg check defs
	@echo "Generated pages"
	@$(BIN)/python -m leads_dagster.interfaces.configuration_page --check

docs: $(STAMP)
	@$(BIN)/python -m leads_dagster.interfaces.configuration_page
	@echo "Wrote docs/configuration.md"

# The programs we are measured beside have an environment of their own.
$(BENCH_STAMP): benchmarks/requirements.txt
	@echo "Setting up $(BENCH_VENV)"
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $@

bench: $(STAMP) $(BENCH_STAMP)
	@$(BIN)/python -m benchmarks.run $(SECTIONS)

bench-matching: $(STAMP) $(BENCH_STAMP)
	@$(BIN)/python -m benchmarks.run matching matching-hostile matching-peers matching-febrl

bench-live: $(STAMP)
	@$(BIN)/python -m benchmarks.run live live-many

bench-long: $(STAMP) $(BENCH_STAMP)
	@echo "Edits on both sides, 2,000 sequences"
	@BOTH_WAYS=2000 $(BIN)/python -m pytest -q leads_dagster_tests/acceptance/test_both_ways.py
	@$(BIN)/python -m benchmarks.run --long $(SECTIONS)

# Hashes for every platform; the file names no index, so that anybody's will do.
lock:
	@command -v uv >/dev/null || { echo "uv is needed: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-strip-extras \
		--custom-compile-command "make lock" --extra dev --extra postgres --extra redis setup.cfg -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-strip-extras \
		--custom-compile-command "make lock" benchmarks/requirements.in -o benchmarks/requirements.txt

clean:
	rm -rf $(VENV) $(BENCH_VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
