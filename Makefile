# Everything a person or CI does with a checkout. Needs Python 3.11 or newer, git and make; the rest goes into .venv.
#   make demo    install, train a CNN on real handwritten digits, say how good it is and where it lies
#   make test    install, run all tests
#   make check   all that CI checks: format, lint, types, tests
PYTHON ?= python3
VENV ?= .venv
PARITY_VENV ?= .venv-parity
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo install test check format-check lint types format parity bench docs wheel clean

demo: $(VENV)/.installed
	$(BIN)/tuinet train digits-cnn

install: $(VENV)/.installed $(VENV)/.installed-dev

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: format-check lint types test

format-check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/pyright --warnings

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Rewrites the documents that are made from the code.
docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py

# Makes the stored reference values again, live, from PyTorch, scikit-learn and ONNX, and compares.
parity: $(PARITY_VENV)/.installed
	$(PARITY_VENV)/bin/python tests/reference/make_reference.py --check

bench: $(PARITY_VENV)/.installed
	$(PARITY_VENV)/bin/python benchmarks/compare.py

wheel: $(VENV)/.installed-dev
	$(BIN)/hatchling build -t wheel

clean:
	rm -rf $(VENV) $(PARITY_VENV) dist build

# A stamp younger than pyproject.toml means: installed, nothing to fetch. So `make demo` works without a network then.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "tuinet needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(BIN)/python -c '' 2>/dev/null || { echo "making $(VENV) …"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing tuinet into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the tools of the developers …"
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(PARITY_VENV)/.installed: pyproject.toml
	@$(PARITY_VENV)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(PARITY_VENV)
	@echo "installing tuinet, PyTorch, scikit-learn, JAX and ONNX into $(PARITY_VENV) …"
	@$(PARITY_VENV)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(PARITY_VENV)/bin/python -m pip install --quiet --editable . --group parity
	@touch $@
