# Everything a newcomer needs. Assumes Python 3.11–3.13 and make; .ci/setup brings the rest into .venv.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE PYTHONOPTIMIZE PYTHONPYCACHEPREFIX VIRTUAL_ENV CONDA_PREFIX
export PYTHONNOUSERSITE := 1
export DAGSTER_DISABLE_TELEMETRY := 1

# The stamp's name holds the folder: a copied or moved checkout is set up anew.
READY := .venv/.ready-$(shell printf '%s' '$(CURDIR)' | cksum | cut -d' ' -f1)
BIN := .venv/bin
ONCE ?=
ARGS ?=
PYTEST_ARGS ?=
# One more than the two cores of a small machine: tests wait for daemons, browsers and databases.
WORKERS ?= 3
ONLY ?=

.PHONY: help setup run test lint format docs chaos bench clean

help: ## This list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

$(READY): pyproject.toml uv.lock .ci/setup
	@sh .ci/setup $@

setup: $(READY) ## The environment .venv, from uv.lock; nothing to do when it is there

run: $(READY) ## A sample history through sensors into DuckDB, then Dagster until Ctrl-C (ONCE=1: exit when done; ARGS: options of `inventory demo`)
	@exec $(BIN)/inventory demo $(if $(filter-out 0 no false,$(ONCE)),--once) $(ARGS)

test: $(READY) ## The test suite (PYTEST_ARGS, WORKERS)
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

lint: $(READY) ## Style, types, room boundaries
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(READY) ## Rewrite the code as `make lint` wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(READY) ## Rewrite the generated pages
	$(BIN)/python -m inventory_assets.commands.configuration
	$(BIN)/python -m inventory_assets.contracts.dictionary
	$(BIN)/python -m inventory_assets.contracts.reasons
	$(BIN)/python -m inventory_assets.contracts.events.documents
	$(BIN)/python -m inventory_assets.publish.lineage

chaos: $(READY) ## Long campaigns: only the slow tests, with the counts of the profile `chaos`
	@INVENTORY_TEST_PROFILE=chaos $(BIN)/pytest -m slow -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

bench: $(READY) ## Every script of benchmarks/, into docs/benchmarks.md; takes hours (ONLY: names of some)
	@for name in $(or $(ONLY),import_time main_line increment publication backfill scale latency write_amplification soak \
	  live_database live_ingest live_apply log_to_bronze rebuild stream forecast policies dominicks); do \
	  echo "── $$name"; $(BIN)/python -m benchmarks.$$name --save || true; done

clean: ## Remove environment and caches; data/ stays
	rm -rf .venv .tools .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find inventory_assets inventory_assets_tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
