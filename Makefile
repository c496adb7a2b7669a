# make demo   two small trainings and one picture (a few minutes)
# make test   lint, types, import contract, tests
# Both first make a virtual environment in .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test install clean

demo: .venv/.nrgan
	$(BIN)/nrgan demo

test: .venv/.dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2

install: .venv/.nrgan

clean:
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; set PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Making a virtual environment failed; on Debian: apt install python3-venv"; exit 2; }

# The CPU build of torch where the package index has one; else (not in CI) whichever build it has.
.venv/.nrgan: .venv/bin/python pyproject.toml constraints.txt constraints-cpu.txt
	$(PIP) install -q -c constraints-cpu.txt -e . || { test -z "$$CI" && $(PIP) install -q -c constraints.txt -e .; }
	@touch $@

.venv/.dev: .venv/.nrgan
	$(PIP) install -q -c constraints-cpu.txt -e '.[dev]' || { test -z "$$CI" && $(PIP) install -q -c constraints.txt -e '.[dev]'; }
	@touch $@
