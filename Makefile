# Two commands do everything: `make run` opens the demo study in the window, `make test` runs the tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock

.PHONY: run test test-fast test-slow doctest lint docs pictures screens translations wheel bench lock frozen installers clean

run: .venv/ready
	$(BIN)/marview demo

# The checks and the site are made beside the tests, which leave a processor idle where they wait.
test: .venv/ready-to-test
	$(MAKE) --no-print-directory --jobs lint doctest docs test-fast

# Each process takes a half of the files in order, so that what tests of a file share is made once. It computes with
# one thread: two threads in each process would wait for one another on two cores. Compiled modules are kept, which many
# containers switch off: otherwise each call and each child process of a test compiles them anew.
test-fast: .venv/ready-to-test
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 MARVIEW_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# The examples of docstrings, in the packages that need neither Qt nor a projector.
doctest: .venv/ready-to-test
	$(BIN)/python -m pytest -q -n 0 --doctest-modules $(addprefix marview/,commands dicom evaluation export geometry mar metrics session slices volume errors.py time_left.py)

test-slow: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The site lies in build/site. A broken link or reference is an error.
docs: .venv/ready-to-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The pictures of README and docs, drawn by the program.
pictures: .venv/ready
	$(BIN)/marview demo --kind hip --no-window --output build/demo
	QT_QPA_PLATFORM=offscreen $(BIN)/python tools/pictures.py build/demo/study

# Every layout at three screen sizes, to look at before a release.
screens: .venv/ready-to-test
	$(BIN)/marview demo --kind hip --no-window --output build/demo
	$(BIN)/python tools/screens.py build/demo/study

# The catalogues of the window's words: new texts in, old ones out, compiled for the window.
translations: .venv/ready-to-test
	$(BIN)/python tools/translations.py

# The package, dist/marview-*.whl. For an index, whose page needs absolute links:
# make wheel MARVIEW_REPOSITORY=https://example.org/marview
wheel: .venv/ready
	rm -rf build/wheel
	MARVIEW_REPOSITORY=$(MARVIEW_REPOSITORY) $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	mkdir -p dist && cp build/wheel/marview-*.whl dist/ && ls -l dist/marview-*.whl

# The speed tables of docs/results: projector, methods, brush. Run it on an idle machine.
bench: .venv/ready-to-test
	$(BIN)/python -m benchmarks.projection --markdown
	$(BIN)/python -m benchmarks.inference --method linear_interpolation nmar --batch 1 16
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.brush

lint: .venv/ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# What the program needs, at the versions of the lock, and no developer tools.
.venv/ready: requirements.lock pyproject.toml installer/system_libraries.sh
	sh installer/system_libraries.sh $(PYTHON)
	$(PYTHON) -m venv .venv
	$(INSTALL) hatchling editables
	$(INSTALL) --no-build-isolation --editable '.[window]'
	touch $@

# The whole lock: the tests, their tools and every extra they try.
.venv/ready-to-test: .venv/ready
	$(INSTALL) -r requirements.lock
	touch $@

# After a change of pyproject.toml: install what is new into .venv, then write down what is there (but for the groups
# `tables` and `peers`, which neither the program nor its tests need).
lock: .venv/ready-to-test
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -vi '^\(pip\|setuptools\|wheel\|marview\|spekpy\|xraydb\|astra-toolbox\)==' | sed 's/+cpu$$//' > requirements.lock

# The program in one folder, dist/marview, for machines without Python; then what installs it on this system.
frozen:
	$(PYTHON) installer/freeze.py

installers: frozen
	sh installer/debian/build.sh dist/marview dist
	if command -v "$${APPIMAGETOOL:-appimagetool}" >/dev/null; then sh installer/appimage/build.sh dist/marview dist; fi

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .import_linter_cache
