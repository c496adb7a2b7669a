# make demo   two small trainings and one picture (a few minutes)
# make test   lint, types, import contracts, tests
# make test-slow   tests that kill, attack and limit memory
# make docs   the pages of docs/ as HTML, in site/; a warning is an error
# make attack MINUTES=40   attacks the command line for so long, and writes results/attack.json
# All first make a virtual environment in .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test test-slow docs attack install clean

demo: $(VENV)/.nrgan
	$(BIN)/nrgan demo

test: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist worksteal --durations=20 -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist worksteal --durations=20 -m slow

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -q -n -W --keep-going docs site

MINUTES ?= 40
SEED ?= 0
attack: $(VENV)/.dev
	PYTHONPATH=benchmarks:tests $(BIN)/python -m attack $(MINUTES) --seed $(SEED) --out results/attack.json

install: $(VENV)/.nrgan

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Making a virtual environment failed; on Debian: apt install python3-venv"; exit 2; }

# The CPU build of torch where the package index has one; else (not in CI) whichever build it has.
$(VENV)/.nrgan: $(VENV)/bin/python pyproject.toml constraints.txt constraints-cpu.txt
	$(PIP) install -q -c constraints-cpu.txt -e . || { test -z "$$CI" && $(PIP) install -q -c constraints.txt -e .; }
	@touch $@

$(VENV)/.dev: $(VENV)/.nrgan
	$(PIP) install -q -c constraints-cpu.txt -e '.[dev]' || { test -z "$$CI" && $(PIP) install -q -c constraints.txt -e '.[dev]'; }
	@touch $@
