# Each target creates what it needs. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# How many processes run the tests.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: demo test check lint lowest coverage bench docs clean

demo: .venv/ready
	$(BIN)/python examples/demo.py

# The quick tests: all but those marked `slow`, with few examples of each property.
test: .venv/ready
	$(PYTEST) -m "not slow"

# What continuous integration runs: the linters, every test with all examples, and clients over messages.
check: lint
	$(PYTEST) --hypothesis-profile=ci
	$(PYTEST) --workspace=loopback -m "not slow" tests/client tests/end_to_end

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Every test on the oldest versions that pyproject.toml allows.
lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
		--resolution lowest-direct -e ".[test]"
	.venv-lowest/bin/python -m pytest

# Lines and branches that no quick test reaches: kernels in Python on the tests of numerics, then everything compiled.
coverage: .venv/ready
	$(BIN)/coverage erase
	NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -m pytest -m "not slow" tests/numerics tests/properties/test_returns.py tests/real_data/test_precision.py
	$(BIN)/coverage run -m pytest -m "not slow"
	$(BIN)/coverage combine
	$(BIN)/coverage report

bench: .venv/ready
	$(PIP) -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/factor_returns.py
	$(BIN)/python benchmarks/forecasts.py
	$(BIN)/python benchmarks/uploads.py
	$(BIN)/python -m benchmarks.appends
	$(BIN)/python benchmarks/dataset_build.py
	$(BIN)/python -m benchmarks.daily_update

docs: .venv/ready
	$(BIN)/python -m openfactor.uploads.document
	$(BIN)/python -m openfactor.dataset.quality.document

clean:
	rm -rf .venv .venv-lowest .coverage .coverage.* out .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -c constraints.txt -e ".[test]"
	touch $@
