# Each target sets up what it needs in .venv and is complete on a fresh machine with Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
PLUGINS := -e plugins/costdb-onnx -e plugins/costdb-tensorflow -e plugins/costdb-torch \
	-e plugins/costdb-webhook
PEERS := fvcore==0.1.5.post20221221 iopath==0.1.10 portalocker==4.4.2 tabulate==0.10.0 \
	termcolor==3.3.0 ultralytics-thop==2.2.3
# Programs whose models are costed; none of them is run.
SHIPPED := magika==1.0.3 rapidocr==3.10.0 silero-vad==6.2.3
# What costdb is compared with by the benchmarks alone.
RIVALS := accelerate==1.15.0 calflops==0.3.2 onnx-tool==1.0.1 ptflops==0.7.5 torchinfo==1.8.0 \
	torchprofile==0.1.0
MANIFESTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)

# Damaged files of each format, and seconds of each run that coverage guides.
FUZZ_FILES ?= 20000
FUZZ_SECONDS ?= 60

.PHONY: demo test ledger lint docs bench clean golden fuzz

demo: $(VENV)/demo-ready
	PATH="$(abspath $(BIN)):$$PATH" docs/demo/run.sh demo-output

test: $(VENV)/test-ready lint
	$(BIN)/python -m pytest -n 2 --cov -m "not slow"
	$(BIN)/coverage report --include='costdb/cost/*' --fail-under=100

ledger: $(VENV)/test-ready
	COSTDB_TEST_LEDGER=all $(BIN)/python -m pytest tests/test_ledger.py
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/test-ready
	$(BIN)/cog -I docs -r docs/counting.md docs/reference.md docs/cli.md docs/analysis.md docs/diff.md

# Keeps what the golden corpus costs now; it refuses numbers that moved while RULES did not.
golden: $(VENV)/test-ready
	PYTHONPATH=tests $(BIN)/python -m builders.golden_corpus

bench: $(VENV)/bench-ready
	PYTHONPATH=tests $(BIN)/python -m benchmarks

fuzz: $(VENV)/fuzz-ready
	PYTHONPATH=tests $(BIN)/python -m fuzz --files $(FUZZ_FILES) --seconds $(FUZZ_SECONDS)

clean:
	rm -rf $(VENV) demo-output dist build fuzz-findings

$(VENV)/demo-ready: $(MANIFESTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) -e '.[server]' $(PLUGINS)
	touch $@

# PyTorch is pinned: an open range draws in builds for GPUs. What follows --no-deps asks for newer or
# older companions than the tests need.
$(VENV)/test-ready: $(VENV)/demo-ready
	$(PIP) torch==2.13.0
	$(PIP) -e '.[client,cluster,postgres,report,server]' --group test
	$(PIP) --no-deps torchvision==0.28.0 tf2onnx==1.17.0 $(PEERS) $(SHIPPED)
	command -v chromium >/dev/null \
		|| { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install chromium; } \
		|| echo "There is no chromium to be had: the tests in a browser will be skipped."
	touch $@

$(VENV)/fuzz-ready: $(VENV)/test-ready
	$(PIP) --group fuzz
	touch $@

$(VENV)/bench-ready: $(VENV)/test-ready
	$(PIP) --group bench
	$(PIP) --no-deps $(RIVALS)
	touch $@
