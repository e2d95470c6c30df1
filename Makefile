PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
READY := $(VENV)/.ready

PYTEST := $(BIN)/python -m pytest -q --numprocesses=$(WORKERS) --dist=worksteal --durations=10

.PHONY: setup demo test test-slow test-llm test-web check bench docs clean

setup: $(READY)

# torch first, by itself: later packages then find the small pinned build and do not ask for another.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lga needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/lga motion fetch --optional
	touch $(READY)

demo: setup
	$(BIN)/lga demo

test: setup
	$(PYTEST) -m "not slow and not llm and not web"

# Processes that are killed, and whatever takes longer than five seconds.
test-slow: setup
	$(PYTEST) -m "slow and not llm and not web"

# A real, small language model behind a real llama.cpp server.
test-llm: setup
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,llm-test]'
	$(BIN)/python -m pytest -q -m llm tests/llm

# The web page in a real browser: Debian's `chromium`, or the one that LGA_CHROMIUM names.
test-web: setup
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,web-test]'
	$(BIN)/python -m pytest -q -m web tests/web

check: setup
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory test-slow

bench: setup
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/clip_cpu.py

# The API reference into docs/api (about 40 seconds; open docs/api/index.html) and the picture of docs/architecture.md.
docs: setup
	$(BIN)/python docs/architecture.py
	$(BIN)/python docs/reference.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis docs/api
