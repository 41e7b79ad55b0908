# Everything from a bare python3 (3.11 or newer, with venv) and make.
PYTHON ?= python3
BIN := .venv/bin
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard membership/translations/*/LC_MESSAGES/messages.po))
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --no-compile --require-hashes

.PHONY: run test proof bench check reset messages lock

run: .venv/run.stamp $(CATALOGUES)  ## the demo newsroom at http://localhost:$${PORT:-8000}
	@$(BIN)/python -m membership.demo

# Compiled once, and not anew by each worker and by each process that a test starts, whatever the shell says.
test proof bench: export PYTHONDONTWRITEBYTECODE :=

test: .venv/test.stamp $(CATALOGUES)  ## all tests, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -m "not proof" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Alone: servers that are killed beside it would be in what it times.
TIMED := tests/proofs/test_sign_in_timing.py

proof: .venv/test.stamp $(CATALOGUES)  ## the long proofs
	$(BIN)/python -m pytest -m proof -n 2 --dist worksteal --ignore $(TIMED) $(ARGS)
	$(BIN)/python -m pytest -m proof $(TIMED) $(ARGS)

bench: .venv/test.stamp $(CATALOGUES)  ## figures with their ratios, each pair in one run
	@missed=0; for each in article_page webhook ballot tally; do $(BIN)/python -m tests.benchmarks.$$each || missed=1; done; exit $$missed

check: .venv/test.stamp $(CATALOGUES)  ## lint, types, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/migrations tests/test_architecture.py

reset:  ## forget the demo's data
	@$(if $(wildcard .venv/run.stamp .venv/test.stamp),$(BIN)/python -m membership.demo --reset,rm -rf var)

# What marks a string besides gettext: lazy ones, and the sentences of refusals, which become pages (membership/web/errors.py).
KEYWORDS := _l NotAllowed NotFound Conflict TooOften Unavailable __init__

messages: .venv/test.stamp  ## collect new strings into the catalogues
	@mkdir -p var
	$(BIN)/pybabel -q extract -F membership/translations/babel.cfg $(addprefix -k ,$(KEYWORDS)) --no-location --sort-output --omit-header -o var/messages.pot .
	$(BIN)/pybabel -q update -i var/messages.pot -d membership/translations --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

lock:  ## pin the newest versions that pyproject.toml allows; needs uv
	uv pip compile pyproject.toml --extra postgres --universal --python-version 3.11 --generate-hashes --no-header --upgrade -q -o requirements.lock
	uv pip compile pyproject.toml --extra postgres --group test --universal --python-version 3.11 --generate-hashes --no-header --upgrade -q -c requirements.lock -o requirements-test.lock

.venv/bin/python:
	@echo "Making .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer; name one with PYTHON=...")'
	@$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock | .venv/bin/python
	@echo "Installing what it runs on (once) ..."
	@$(PIP) -r requirements.lock
	@touch $@

.venv/test.stamp: requirements-test.lock .venv/run.stamp
	@echo "Installing what the tests need (once) ..."
	@$(PIP) -r requirements-test.lock
	@touch $@

%.mo: %.po | .venv/run.stamp
	@$(BIN)/pybabel -q compile -i $< -o $@ -l $(notdir $(patsubst %/LC_MESSAGES/messages.po,%,$<))
