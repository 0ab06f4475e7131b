# make demo: the tour. make test: everything that must pass. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CALLS := $(CURDIR)/.pytest_cache/calls
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

# AWS's own client, built from its public Go module. `go install` would ask for the list of versions, which proxies
# that only mirror single versions refuse; a module of our own around it does not.
HELPER_MODULE := github.com/aws/rolesanywhere-credential-helper
HELPER_VERSION := v1.8.4
HELPER := .tools/aws_signing_helper

.PHONY: crash faults fuzz demo docs test tools lint bench bench-compare bench-keep clean

demo: $(VENV)/.demo
	$(BIN)/iam-ra demo

test: lint
	@rm -f $(CALLS)
	IAM_RA_CALLS=$(CALLS) $(BIN)/pytest -n auto --dist worksteal
	@$(BIN)/python tests/e2e/uncalled.py $(CALLS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/sandbox.py

# Beside the figures that the last commit of tests/bench/numbers.json has; bench-keep writes them there.
bench-compare: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench.py --compare

bench-keep: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench.py --keep

# The three write down what they find: tables in docs/reliability.md, findings on the screen.
crash faults: $(VENV)/.dev
	$(BIN)/python tests/reliability/driver.py $@

fuzz: $(VENV)/.dev
	$(BIN)/python tests/fuzz/fuzzing.py

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -f docs/mkdocs/mkdocs.yml

tools: $(HELPER)

$(HELPER):
	mkdir -p .tools/module
	cd .tools/module && rm -f go.mod go.sum && go mod init tools && \
	  go mod edit -require $(HELPER_MODULE)@$(HELPER_VERSION) && go build -mod=mod -o ../$(notdir $@) $(HELPER_MODULE)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "iam-ra needs Python 3.11 or later; say which: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo
