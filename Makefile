# Each target sets up what it needs in .venv and is complete on a fresh machine with Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
PLUGINS := -e plugins/costdb-onnx -e plugins/costdb-tensorflow -e plugins/costdb-torch
PEERS := fvcore==0.1.5.post20221221 iopath==0.1.10 portalocker==4.4.2 tabulate==0.10.0 \
	termcolor==3.3.0 ultralytics-thop==2.2.3
MANIFESTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

.PHONY: demo test ledger lint docs bench clean

demo: $(VENV)/demo-ready
	PATH="$(abspath $(BIN)):$$PATH" docs/demo/run.sh demo-output

test: $(VENV)/test-ready lint
	$(BIN)/python -m pytest -n 2 --cov -m "not slow"

ledger: $(VENV)/test-ready
	COSTDB_TEST_LEDGER=all $(BIN)/python -m pytest tests/test_ledger.py
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/test-ready
	$(BIN)/cog -I docs -r docs/reference.md docs/cli.md docs/analysis.md

bench: $(VENV)/test-ready
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) demo-output dist build

$(VENV)/demo-ready: $(MANIFESTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) -e . $(PLUGINS)
	touch $@

# PyTorch is pinned: an open range draws in builds for GPUs. What follows --no-deps asks for newer or
# older companions than the tests need.
$(VENV)/test-ready: $(VENV)/demo-ready
	$(PIP) torch==2.13.0
	$(PIP) --group test
	$(PIP) --no-deps torchvision==0.28.0 tf2onnx==1.17.0 $(PEERS)
	touch $@
