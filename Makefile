# Every target makes its own .venv where there is none; Python 3.11+, git and make are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# More than there are processors: a worker waits while git or a command that it started is at work, in the proofs longest.
# Workers are forked after one collection, so that one more costs little.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PROOF_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 4)
# COVERAGE=1 measures lines and branches while the tests run, and fails below the floor of pyproject.toml.
COVERAGE ?=
# Tests start many processes: modules are compiled once and kept, and text is written in pieces.
export PYTHONDONTWRITEBYTECODE =
export PYTHONUNBUFFERED =

.DEFAULT_GOAL := help
.PHONY: help demo docs requirements test proof check format lint types imports dead bench bench-smoke nightly soak clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@# Dependency groups need pip 25.1; Debian 12 brings 23.0.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@# Python compiles what is imported; most of the 12,000 modules never are.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --group test --editable .
	@touch $(READY)

demo: $(READY) ## Show the main job on the embedded simulator, start to finish
	$(BIN)/penstock demo

docs: $(READY) ## Write the pages that are made from the code
	$(BIN)/python -m docs.json_page
	$(BIN)/python -m docs.api_page
	$(BIN)/python -m docs.methods_page

# A platform of the image; the tests compare it with the other one. uv takes the versions of constraints.txt.
COMPILE := $(BIN)/uv pip compile --quiet --no-annotate --generate-hashes --only-binary :all: --emit-build-options \
	--python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command 'make requirements'

requirements: $(READY) ## Write what the image installs, with hashes, from pyproject.toml and constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group image
	$(COMPILE) --constraint constraints.txt --output-file deploy/requirements.txt pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(COMPILE) --output-file deploy/requirements-build.txt -

test: $(READY) ## Run the tests
	@# Only a proof needs schemathesis, whose plugin takes each worker seconds to import.
	$(BIN)/python -m pytest -p no:schemathesis -n $(WORKERS) --dist worksteal -m "not proof and not nightly" $(if $(COVERAGE),-p tests.support.branches)

proof: $(READY) ## Long stories, whole processes, faults, crashes, chaos, several controllers
	$(BIN)/python -m pytest -n $(PROOF_WORKERS) --dist worksteal -m "proof and not nightly"

check: lint types imports dead test bench-smoke proof ## Everything that CI runs

lint: $(READY) ## Formatting and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## mypy, strict
	$(BIN)/mypy

imports: $(READY) ## The contracts between the packages
	$(BIN)/lint-imports

dead: $(READY) ## Code that nothing uses
	$(BIN)/vulture

format: $(READY) ## Format the code in place
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Measure speed and calls beside peers, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-smoke: $(READY) ## Count the calls of small cases: more than before fails
	$(BIN)/python -m benchmarks --smoke

nightly: $(READY) ## The tests that are too long for every run, and all examples of properties
	$(BIN)/python -m pytest -n $(WORKERS) -m "nightly or hypothesis" --hypothesis-profile nightly --timeout 3600

soak: $(READY) ## Days of a controller's work in minutes: memory, files, threads and tables stay flat (SOAK_DAYS)
	$(BIN)/python -m pytest -m nightly tests/soak

clean: ## Remove what the targets made
	rm -rf $(VENV) .coverage.json .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
