# Two commands matter: `make report` and `make test`. Each does all the set-up it needs.
PYTHON ?= python3
# TORCH=2.9.0: another torch than the pinned one, in an environment of its own.
TORCH ?=
VENV := .venv$(if $(TORCH),-torch-$(TORCH))
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup report backfill preview publish test lint format figures docs package

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

setup: $(READY) ## make .venv with the pinned dependencies

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v < (3, 10) and sys.exit(f"fftconv needs Python 3.10 or newer; {sys.executable} is {v.major}.{v.minor}. Name another: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	grep -v '$(if $(TORCH),^torch==,^$$)' constraints.txt > $(VENV)/constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c $(VENV)/constraints.txt -e '.[dev]' $(if $(TORCH),torch==$(TORCH))
	@touch $@

report: $(READY) ## measure this machine, publish, print the fastest methods (ARGS=--again: anew)
	@$(BIN)/python -m convbench report $(ARGS)

N ?= 10
backfill: $(READY) ## measure the last N=10 commits that lack results (ARGS='--bench REGEX')
	@$(BIN)/python -m convbench backfill $(N) $(ARGS)

publish: $(READY) ## make the HTML report anew from results/
	$(BIN)/asv publish

preview: $(READY) ## serve the HTML report and open it in a browser
	$(BIN)/asv preview --browser

test: $(if $(TORCH),$(READY),lint) ## every check that CI runs (TORCH=2.9.0: the tests, with another torch)
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --durations=40 --durations-min=4

lint: $(READY) ## lint, format check, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## rewrite the sources in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

figures: $(READY) ## make the picture and tables of README and docs from the committed results
	$(BIN)/python -m convbench chart --machine xeon-amx-2vcpu --input 512 --output docs/forward-512.svg
	$(BIN)/python -m convbench readme

docs: $(READY) ## make the documentation: build/docs/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

PACKAGE := build/package
package: $(READY) ## make the wheel and the sdist in dist/, check them, and try the wheel where nothing else is
	rm -rf dist $(PACKAGE)
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv $(PACKAGE)
	$(PACKAGE)/bin/python -m pip install --disable-pip-version-check --quiet -c $(VENV)/constraints.txt dist/*.whl
	cd $(PACKAGE) && bin/python -I $(CURDIR)/tests/packaging/smoke.py $(CURDIR)/pyproject.toml
