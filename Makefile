# make demo: install and run the main job.  make test: install what the tests need and pass them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
export UV_COMPILE_BYTECODE = 1
# uv does not read pip's settings: where pip is told of a folder of wheels, as of torch's small build that has no CUDA,
# uv is told too.
export UV_FIND_LINKS := $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))

ifeq ($(UV),)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
MAKE_VENV = $(PYTHON) -m venv $(VENV) || { echo "no virtual environment could be made; on Debian: apt-get install python3-venv"; exit 1; }
else
INSTALL = $(UV) pip install --quiet --python $(BIN)/python
MAKE_VENV = $(UV) venv --quiet --python $(PYTHON) $(VENV)
endif

# The release of which there is a small build without CUDA where the tests run; others bring several GB along.
TORCH = torch==2.13.0

.PHONY: demo test lint unit web lock clean

demo: $(VENV)/.installed
	$(BIN)/amiss demo

test: $(VENV)/.tested lint unit

$(VENV)/bin/python:
	@$(MAKE_VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml setup.py constraints.txt $(wildcard src/amiss/kernels/*.[ch])
	$(INSTALL) -c constraints.txt -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed constraints-test.txt scripts/system_packages.sh
	sh scripts/system_packages.sh
	@command -v npm >/dev/null 2>&1 && $(MAKE) web || echo "the dashboard is not built: what needs it is skipped"
	$(INSTALL) -c constraints-test.txt -r requirements-test.txt
	$(INSTALL) -c constraints-test.txt $(TORCH) || echo "$(TORCH) is not to be had here: what needs it is skipped"
	@touch $@

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_imports.py

# Once with the compiled loops, and what touches them once more with their NumPy twins.
unit: $(VENV)/.tested
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered
	AMISS_NO_KERNELS=1 SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -n 2 tests/detectors tests/kernels tests/contract \
		tests/pipeline --ignore tests/kernels/test_twins.py

# The dashboard's script and style; installing does the same where there is Node.
web: src/amiss/server/static/manifest.json

web/node_modules: web/package.json web/package-lock.json
	cd web && npm ci --no-progress
	@touch $@

src/amiss/server/static/manifest.json: web/node_modules web/vite.config.ts web/tsconfig.json $(wildcard web/src/*)
	cd web && npm run build

lock:
	$(UV) pip compile --quiet --no-header --no-annotate --python-version 3.11 --extra approximate --extra boost --extra excel --extra live --extra notify --extra serve --extra sql pyproject.toml -o constraints.txt
	$(UV) pip compile --quiet --no-header --no-annotate --python-version 3.11 --extra approximate --extra boost --extra excel --extra live --extra notify --extra serve --extra sql --extra deep --extra tune pyproject.toml requirements-test.txt -o constraints-test.txt
	sed -i -e 's/^\(torch==[0-9.]*\)+cpu$$/\1/' -e '/^\(nvidia\|cuda\|triton\)/d' constraints-test.txt

clean:
	rm -rf $(VENV) build dist src/*.egg-info amiss-demo web/node_modules web/.built src/amiss/server/static
