# Each target sets up what it needs in .venv and is complete on a fresh machine with Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := -e plugins/costdb-onnx -e plugins/costdb-tensorflow -e plugins/costdb-torch
MANIFESTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

.PHONY: demo test lint docs bench clean

demo: $(VENV)/demo-ready
	PATH="$(abspath $(BIN)):$$PATH" docs/demo/run.sh demo-output

test: $(VENV)/test-ready lint
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 2
	@$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report --fail-under=90

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
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e . $(PLUGINS)
	touch $@

$(VENV)/test-ready: $(VENV)/demo-ready
	$(BIN)/python -m pip install -q --group test
	touch $@
