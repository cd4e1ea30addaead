# `make demo` and `make test` need only python3 (3.11 or later).
PYTHON := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python

# Kernels and their plain twins, both uncompiled. (Whole files take too long without a compiler.)
TEST_WITHOUT_JIT := NUMBA_DISABLE_JIT=1 $(PYTHON) -m pytest tests/clustering tests/container \
    --ignore tests/container/test_stripes.py

.PHONY: demo test soak fuzz fuzz-c check coverage wheel test-wheel sameness viewer vectors pictures chart \
    docs man clean

.venv/ready: pyproject.toml
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# An installation of its own, as `pip install` makes it: where there is a C compiler, with
# kernels that are compiled already.
demo: build/wheel/ready
	build/wheel/venv/bin/kmq demo --force

test: .venv/ready
	$(PYTHON) -m pytest
	$(TEST_WITHOUT_JIT)

# Tests that take minutes: many more kills, mutations, files and cold starts.
soak: .venv/ready
	$(PYTHON) -m pytest -m soak -s tests/reliability tests/test_format.py tests/c \
	    tests/javascript

# Until Ctrl-C, or for some seconds: make fuzz FUZZ=-max_total_time=600. fuzz-c needs clang.
fuzz: .venv/ready
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	mkdir -p build/fuzz
	$(PYTHON) tests/reliability/fuzz_decoder.py build/fuzz formats/vectors/valid tests/reliability/corpus/kmq -artifact_prefix=build/fuzz/ $(FUZZ)

fuzz-c:
	mkdir -p build/fuzz-c
	clang -std=c99 -g -O1 -fsanitize=fuzzer,address,undefined formats/c/fuzz_kmq.c -o build/fuzz_kmq
	build/fuzz_kmq build/fuzz-c formats/vectors/valid formats/vectors/invalid tests/reliability/corpus/kmq -max_len=4096 -artifact_prefix=build/fuzz-c/ $(FUZZ)

check: .venv/ready
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	.venv/bin/typos
	$(PYTHON) docs/check_phrases.py

# Lines inside kernels are seen only with the JIT off.
coverage: .venv/ready
	$(PYTHON) -m pytest --cov --cov-report=
	$(TEST_WITHOUT_JIT) --cov --cov-append --cov-report=term-missing --cov-fail-under=95

# The wheel, installed away from the sources, and without numba if it does not need it.
build/wheel/ready: pyproject.toml hatch_build.py $(shell find kernels src -type f -not -path '*/__pycache__/*')
	rm -rf build/wheel
	python3 -m venv build/wheel/venv
	build/wheel/venv/bin/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	build/wheel/venv/bin/pip install --quiet --disable-pip-version-check build/wheel/*.whl
	touch $@

wheel: build/wheel/ready
	cd build/wheel && venv/bin/kmq demo --force && venv/bin/kmq verify kmq-demo.kmq

# The suite on the installed wheel. Tests of numba are skipped if it is not installed.
test-wheel: build/wheel/ready
	build/wheel/venv/bin/pip install --quiet --disable-pip-version-check "$$(ls build/wheel/*.whl)[test]"
	build/wheel/venv/bin/python -m pytest

# The same bytes from numba, from each level of compiled kernels, and on emulated processors.
sameness: .venv/ready build/wheel/ready
	$(PYTHON) tests/reliability/compare_kernels.py build/wheel/venv/bin/python

# After a change to the viewer's parts or to the decoder in JavaScript.
viewer: .venv/ready
	$(PYTHON) docs/make_viewer.py

vectors: .venv/ready
	$(PYTHON) formats/make_vectors.py

pictures: .venv/ready
	$(PYTHON) docs/make_pictures.py

# The chart of the benchmarks, from the tables on their page.
chart: .venv/ready
	$(PYTHON) benchmarks/chart.py

# The site, with its notebooks run: build/site/index.html. A link that leads nowhere is an error.
docs: .venv/ready
	$(PYTHON) -m sphinx --quiet --fail-on-warning --keep-going -c docs/site . build/site

# Manual pages, from the help texts: man -l build/man/kmq.1
man: .venv/ready
	$(PYTHON) docs/make_man.py build/man

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find src tests formats benchmarks docs -name __pycache__ -exec rm -rf {} +
