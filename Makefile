# `make up` runs the example platform on this machine; `make test` runs the tests.
# Both set up what they need first: a virtual environment and, once, the Pulumi engine.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ENV    ?= dev
SPEC   ?= stacks/platform.yaml
WORKERS ?= 2

# Trust what the machine trusts: behind a proxy of one's own, uv's built-in certificates fail.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.PHONY: help up down rehearse rehearse-down test test-slow lint format bench screenshots lock docs clean

help: ## Show this.
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-13s %s\n", $$1, $$2}'

$(BIN)/plinth: pyproject.toml requirements.lock
	@echo "Setting up $(VENV): locked packages, about a minute the first time"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Plinth needs Python 3.11 or newer; run: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Install your system's venv module (Debian: python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: engine
engine: $(BIN)/plinth
	@$(BIN)/plinth engine status >/dev/null 2>&1 || { \
	  echo "Installing the Pulumi engine, once: quick where it can be downloaded, else a build of about 5 minutes"; \
	  $(BIN)/plinth engine install; }

up: engine ## Run the example platform on this machine, all six capabilities.
	@$(BIN)/plinth up local --yes

down: engine ## Stop it again, and remove its data.
	@$(BIN)/plinth destroy local --yes

rehearse: engine ## Rehearse the example's dev environment, from spec to outputs (ENV=prod for another).
	@$(BIN)/plinth up $(ENV) --rehearse

rehearse-down: engine ## Take the rehearsed environment away again.
	@$(BIN)/plinth destroy $(ENV) --rehearse

test: engine ## Run the tests.
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-slow: engine ## Run the tests that take minutes each: every cloud through its whole life.
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow

lint: $(BIN)/plinth ## Style, types, import layers: all at zero findings.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(BIN)/plinth ## Format the code.
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet

docs: $(BIN)/plinth ## Write what is generated: schema, support matrix, policy packs and rules, templates of `pulumi new`, golden lists.
	@$(BIN)/plinth schema > docs/plinth.schema.json
	@$(BIN)/python -m plinth_policies.packs policies/packs
	@$(BIN)/python -c 'from plinth.support import markdown; print(markdown(), end="")' > docs/support.md
	@$(BIN)/python -c 'from plinth_policies.catalogue import markdown; print(markdown(), end="")' > docs/policy-rules.md
	@$(BIN)/python -m plinth.scaffold templates/pulumi
	@PLINTH_GOLDEN=write $(BIN)/python -m pytest -q tests/test_golden.py

bench: engine ## Measure speed and memory; writes docs/benchmarks.md (PART=stack for a part of it).
	@$(BIN)/python tests/bench/run.py $(PART)

screenshots: $(BIN)/plinth ## Take the docs' pictures anew, by Chromium, of an environment here that is up (SPEC=FILE).
	@$(BIN)/uv run --quiet --no-project --python $(BIN)/python --with playwright==1.65.2 --with pillow==13.0.0 \
	  docs/screenshots.py --plinth $(BIN)/plinth --spec $(SPEC)

lock: ## Pin the newest packages that fit pyproject.toml.
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --all-extras --group dev --no-header pyproject.toml --output-file requirements.lock
	@cd components/plinth/locks && for name in *.in; do \
	  ../../../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header --no-annotate $$name --output-file $${name%.in}.txt || exit 1; done

clean: ## Remove the virtual environment and all local state, rehearsals and what `make up` runs included.
	@test ! -d .plinth/local || $(BIN)/plinth destroy local --yes
	@rm -rf $(VENV) .plinth
