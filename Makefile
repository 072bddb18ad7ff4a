# make solve   set everything up and fix a real bug with the embedded model
# make test    run the tests
# make verdicts  judge ten real SWE-bench instances
# make languages  serve twelve projects in nine languages
# make cluster  run batches on a cluster of several nodes on this machine
# make strategies  spend whole attempts by every strategy
# make kills  kill runs at random moments
# make model  run the embedded model
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
SEED ?= 1

.PHONY: solve test verdicts languages cluster strategies kills model check lint types bench peers setup dev image clean

## Set up, then solve the bundled task with the embedded model and judge the patch by a hidden test.
solve: setup image
	$(BIN)/agent demo --seed $(SEED)

## Every test but those of the six long sets below. Docker tests skip with a reason where no engine answers, except in CI.
test: dev
	$(BIN)/python -m pytest -n 4 --dist worksteal

## Ten real SWE-bench instances, judged with their known solutions and without any, in containers. Minutes.
verdicts: dev image
	$(BIN)/python -m pytest -m swebench tests/e2e/test_swebench_rows.py

## Twelve projects in nine languages: what they need, their tests, a repair, in containers. Minutes.
languages: dev image
	$(BIN)/python -m pytest -m languages -n 2 --dist worksteal tests/languages

## Batches on a Ray cluster of several nodes on this machine, some of them killed, and images that one machine made and
## another has. Minutes.
cluster: dev image
	$(BIN)/python -m pytest -m cluster

## Whole attempts by every strategy: trials, designed tests, regression tests, selection. Minutes.
strategies: dev image
	$(BIN)/python -m pytest -m strategies -n 4 --dist worksteal tests/agent/strategies

## Attempts and batches that are killed at random moments and go on. Minutes.
kills: dev image
	$(BIN)/python -m pytest -m kills -n 4 --dist worksteal tests/e2e tests/agent

## The embedded model: its server, its grammar, a pull request by it. Fetches the weights once. Minutes.
model: dev image
	$(BIN)/python -m pytest -m model tests/e2e

## Lint, format, types, and who imports whom.
check: dev lint types
	$(BIN)/python -m pytest tests/test_architecture.py

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev
	$(BIN)/mypy

## Measure the overhead beside the peers (installs them into a virtual environment of their own).
bench: setup image
	$(BIN)/python benchmarks/overhead.py

## Measure whole attempts beside the peers and write the figures into the documentation. About two hours on two quiet cores.
peers: setup
	$(BIN)/python benchmarks/peers.py --json build/peers.json --update docs/peers.md README.md

setup: $(VENV)/.installed

dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install it, or name it: make PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "this Python cannot make virtual environments: apt-get install python3-venv"; exit 2; }
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable '.[local,languages]'
	@touch $@

## What the tests need beside: the official grading, readers of data sets, the checkers.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[local,languages,datasets,swebench,mcp,remote,telemetry,ray]' --group dev
	@touch $@

## The container image of the default sandbox, where an engine answers and the image is not there yet.
image:
	@if docker info >/dev/null 2>&1; then scripts/default-image; fi

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
