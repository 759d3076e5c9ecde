# Two for everybody: `make demo` and `make test`. Each sets up what it needs in .venv and needs nothing before it.

# The system's own Python where it is new enough, else the newest of the others; override with PYTHON=….
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && exit; done; \
	echo python3)
BIN := .venv/bin
JS := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix js
PYTEST := $(BIN)/python -m pytest
QUICK := not voice and not notebook and not kernels and not clients and not long

.PHONY: help demo test test-js browser quick check lint lint-python lint-js types types-python types-js report bundle-fresh bundle examples kernels clients hosts fuzz day bench setup-demo setup-check setup-examples setup-test setup-clients setup-hosts

help:
	@echo "make demo     open JupyterLab on the first notebook"
	@echo "make quick    lint, types, and the tests that need no browser, voice, notebook or command line"
	@echo "make test     every check and every test"
	@echo "make check    lint, types, layers and the report of sizes"
	@echo "make bundle   write the page's message types and build livewidget/static from js/"
	@echo "make examples build the npm package and the examples that use it"
	@echo "make browser  all tests in the browser, also those that make test leaves out"
	@echo "make kernels  the tests against ipykernel 6.29, 7.3 and 7.4"
	@echo "make clients  the tests with other people's clients and agents"
	@echo "make hosts    the talk in other notebooks, behind a hub and a proxy, and in Firefox"
	@echo "make fuzz     a million changed frames of each side of the wire"
	@echo "make day      24 hours of simulated talk over a network where everything goes wrong"
	@echo "make bench    the benchmarks, one after another"

demo: setup-demo
	@$(BIN)/livewidget demo --folder notebooks

# One after another, each as many at a time as two cores bear:
#   the bundle, since what follows reads it; then the checks and the page's own tests, two at a time;
#   in the browser, what compares sound sample by sample: alone, or what else runs would be heard in it; so do other hosts;
#   the rest of what runs in the browser, two processes with a JupyterLab and a Chromium each;
#   all other tests, three processes: they wait for speech and for other processes a third of the time; fewer changed frames than
#   `make fuzz` has, and of other people's agents only what needs none of their frameworks, which `make clients` tries.
test: setup-test bundle-fresh
	@$(MAKE) --no-print-directory -j 2 test-js types lint report
	$(PYTEST) tests/browser -m "alone and not long"
	$(PYTEST) tests/hosts -m "not hosts"
	$(PYTEST) tests/browser -m "not alone and not long" -n 2 --dist loadfile
	LIVEWIDGET_FUZZ=5000 $(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m "not long" --ignore=tests/browser --ignore=tests/hosts \
		--ignore=tests/integrations/test_bridges.py

# Also those that `make test` leaves out: 14 minutes on two cores.
browser: setup-test bundle-fresh
	$(PYTEST) tests/browser -m alone
	$(PYTEST) tests/browser -m "not alone" -n 2 --dist loadfile

test-js: setup-check
	$(JS) run test

# While working: two minutes on two cores. Fewer changed frames than in `make test`, and two checks at a time.
quick: setup-check
	@$(MAKE) --no-print-directory -j 2 test-js types lint report
	LIVEWIDGET_FUZZ=2500 $(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -m "$(QUICK)" \
		--ignore=tests/browser --ignore=tests/hosts --ignore=tests/cli --ignore=tests/test_notebooks.py

check: setup-check lint types report bundle-fresh

lint: lint-python lint-js

lint-python:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

lint-js:
	$(JS) run lint

types: types-js types-python

types-python:
	$(BIN)/mypy

types-js:
	$(JS) run types

# What stands out in the size of files and functions, each with its reason; code that nothing uses.
report:
	$(BIN)/python tools/report.py
	$(BIN)/python tools/dead_code.py

# What is committed is what js/ builds and what tools/messages.py writes. safe.directory: a checkout may belong to another user than the one that tests it.
bundle-fresh: bundle
	git -c safe.directory='*' diff --exit-code --stat -- livewidget/static js/src/messages.gen.ts

bundle: setup-check
	$(BIN)/python tools/messages.py
	$(JS) run build

examples: setup-examples
	$(JS) run package
	PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix examples/react run build

kernels: setup-test
	$(PYTEST) -m kernels

clients: setup-clients
	$(PYTEST) -m "clients or long" --ignore=tests/browser
	$(PYTEST) tests/browser -m clients

hosts: setup-hosts
	$(PYTEST) tests/hosts

fuzz: setup-test
	LIVEWIDGET_FUZZ=1000000 $(PYTEST) tests/protocol/test_fuzz.py

day: setup-test
	LIVEWIDGET_DAY_HOURS=$${LIVEWIDGET_DAY_HOURS:-24} $(PYTEST) tests/session/test_day.py

bench: setup-test
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

setup-demo setup-check setup-examples setup-test setup-clients setup-hosts: setup-%:
	@$(PYTHON) tools/setup.py $*
