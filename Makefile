# Everything runs in .venv, made from the hash locks of requirements/. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
SERVE ?= 1
PORT ?= 8000
WORKERS ?= 2
export PYTHON VENV SERVE PORT

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: sbom help run test test-deep faults check bench docs docs-serve reference lock clean runtime dev
.NOTPARALLEL:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: runtime ## the demonstration in the browser; SERVE=0: as a transcript; PORT=8000
	@scripts/run.sh

test: dev ## the test suite, slow loops at reduced counts
	@$(PYTEST)

test-deep: dev ## the slow loops and the property tests at full counts
	@LIANFANG_DEEP=1 $(PYTEST)

faults: dev ## the seeded faults, each of which a test has to catch; hours, goes on where it stopped
	@$(BIN)/python scripts/mutants.py --workers $(WORKERS)

check: dev ## linters, types, floors, security
	@scripts/check.sh

bench: dev ## every benchmark of benchmarks/: ratios against a peer in one run
	@for script in benchmarks/[a-z]*.py; do \
	  [ -e "$$script" ] || { echo "no benchmark yet"; break; }; \
	  echo "== $$script"; $(BIN)/python "$$script" || exit 1; \
	done

docs: dev ## the manual, into site/
	@$(BIN)/python scripts/gen_reference.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The manual: site/index.html"

docs-serve: dev ## the manual with live reload
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

reference: dev ## write docs/reference anew from the code
	@$(BIN)/python scripts/gen_reference.py

lock: ## write the hash locks anew from pyproject.toml; UPGRADE=1 or UPGRADE=name for newer versions
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip --disable-pip-version-check install --quiet uv
	@PYTHON=$(BIN)/python scripts/lock.sh

sbom: dev ## what is installed, with hashes and licences, as CycloneDX: build/sbom.cdx.json
	@$(BIN)/python scripts/sbom.py

clean: ## the environment, caches and built files; var/ (installations) stays
	@rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache report.html
	@find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

runtime:
	@scripts/environment.sh runtime

dev:
	@scripts/environment.sh dev
