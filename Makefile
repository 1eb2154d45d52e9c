# `make run` is all that one has to type. PYTHON=python3.12 chooses the interpreter, PIP_* variables reach pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
# The home that the fault runs break; kept, so that its starter deployments are made once.
FAULTS_HOME ?= .cache/faults
# Quiet, but for errors: the one line that each step prints says what takes so long.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help run demo test test-slow test-vllm test-mlflow check bench faults install clean

help: ## Show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

run: $(READY) ## Install, start everything, make the starter deployments, answer first requests, stay up
	@exec $(BIN)/mainspring up --try

demo: $(READY) ## The whole story, unattended, in six to eight minutes: drift, a better version, a poisoned one refused; and its page
	@$(BIN)/mainspring demo

test: $(READY) ## The tests, with real PostgreSQL and Valkey
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" tests --ignore tests/faults --ignore tests/vllm --ignore tests/mlflow
	@# Those that measure recovery want the machine to themselves.
	@$(BIN)/python -m pytest -m "not slow" tests/faults

test-slow: $(READY) ## The slow ones alone: several stacks and workers each
	@$(BIN)/python -m pytest -m slow tests --ignore tests/vllm --ignore tests/mlflow

test-vllm: $(READY) ## The engine over HTTP on the real vLLM, in an environment of its own
	@PYTHON=$(BIN)/python sh tests/vllm/install.sh && $(BIN)/python -m pytest tests/vllm

test-mlflow: $(READY) ## The view in a real MLflow, in an environment of its own, read back with its own client
	@PYTHON=$(BIN)/python sh tests/mlflow/install.sh && $(BIN)/python -m pytest tests/mlflow

check: $(READY) ## Lint, format, types, import contracts, the compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench: $(READY) ## Each headline number, measured on this machine
	@set -e; for script in benchmarks/*.py; do \
	  if grep -q '__main__' $$script; then $(BIN)/python -m benchmarks.$$(basename $$script .py); fi; done

faults: $(READY) ## The long runs: workers killed, Valkey wiped, PostgreSQL and the api restarted, refreshes killed in each stage
	@$(BIN)/python -m tests.faults.storm --home $(FAULTS_HOME)
	@$(BIN)/python -m tests.faults.recovery --home $(FAULTS_HOME)
	@$(BIN)/python -m tests.faults.refreshes --home $(FAULTS_HOME)

install: $(READY) ## Only install

clean: ## Remove the environment and caches; the home with your data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Mainspring needs Python 3.11 or later. Name it: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV) || \
	  { echo "The venv module is missing. On Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }; }
	@echo "Installing $(TORCH) (large; a few minutes on the first run)"
	@$(PIP) $(TORCH) -c constraints.txt
	@echo "Installing Mainspring and what it needs"
	@$(PIP) -c constraints.txt -e '.[gpu,train,harness,embedded,otel,dev]'
	@touch $@
