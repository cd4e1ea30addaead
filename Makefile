# `make demo` and `make test` need python3 (3.11 or later) and nothing else.
PYTHON := .venv/bin/python

# Kernels and their twins with no compiler between them. (Whole files take too long without it.)
TEST_WITHOUT_JIT := NUMBA_DISABLE_JIT=1 $(PYTHON) -m pytest tests/clustering tests/container \
    --ignore tests/container/test_stripes.py

.PHONY: demo test soak fuzz check coverage wheel vectors pictures clean

.venv/ready: pyproject.toml
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: .venv/ready
	.venv/bin/kmq demo --force

test: .venv/ready
	$(PYTHON) -m pytest
	$(TEST_WITHOUT_JIT)

# What takes minutes: many more kills, mutations, files and cold starts.
soak: .venv/ready
	$(PYTHON) -m pytest -m soak -s tests/reliability tests/test_format.py

# Until Ctrl-C, or for so many seconds: make fuzz FUZZ=-max_total_time=600
fuzz: .venv/ready
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	mkdir -p build/fuzz
	$(PYTHON) tests/reliability/fuzz_decoder.py build/fuzz formats/vectors/valid -artifact_prefix=build/fuzz/ $(FUZZ)

check: .venv/ready
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

# Lines inside kernels are seen only with the JIT off.
coverage: .venv/ready
	$(PYTHON) -m pytest --cov --cov-report=
	$(TEST_WITHOUT_JIT) --cov --cov-append --cov-report=term-missing --cov-fail-under=95

# The wheel, installed where the sources are not, encodes and decodes.
wheel: .venv/ready
	rm -rf build/wheel
	$(PYTHON) -m build --wheel --outdir build/wheel
	python3 -m venv build/wheel/venv
	build/wheel/venv/bin/pip install --quiet --disable-pip-version-check build/wheel/*.whl
	cd build/wheel && venv/bin/kmq demo && venv/bin/kmq verify kmq-demo.kmq

vectors: .venv/ready
	$(PYTHON) formats/make_vectors.py

pictures: .venv/ready
	$(PYTHON) docs/make_pictures.py

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find src tests formats benchmarks docs -name __pycache__ -exec rm -rf {} +
