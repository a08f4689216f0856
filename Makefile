# `make` lists the targets. Paths are relative, so a checkout may lie under a name with spaces.
PYTHON ?= python3
# cpu, cuda, or nothing: then the machine decides, and says so.
TORCH ?=
VENV := .venv
BIN := $(VENV)/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python
STAMP := $(VENV)/.installed

LAB_ARGS ?=
TEST_ARGS ?=
NOTEBOOKS ?=
MODELS ?=
REPOSITORY ?=
REF ?= main

.DEFAULT_GOAL := help
.PHONY: FORCE help venv lab test test-colab test-newest test-floors test-real-hub notebooks pages badges bench bench-sweep models catalogue lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## create .venv, install what the course needs, fetch the two published models
	@$(BIN)/python -m practice_hub --fetch || true

# An environment that is there is kept, unless another build of PyTorch or another Python is asked for.
MINOR := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
ifneq ($(TORCH),)
$(STAMP): FORCE
endif
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) $(MINOR)),$(shell $(BIN)/python $(MINOR) 2>/dev/null))
VENV_ARGS := --clear
$(STAMP): FORCE
endif
endif

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This course needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV_ARGS) $(VENV)
	@torch=$$($(BIN)/python -m tools.torch_build $(TORCH)) && set -x && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[lab,test,author,models]" $$torch
	@touch $(STAMP)

lab: venv ## open the course in JupyterLab (LAB_ARGS="--no-browser --port 9000")
	@$(RUN) -m tools.lab $(LAB_ARGS)

test: venv ## run every test, notebooks included (TEST_ARGS="-k session")
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --check --quiet .
	@$(RUN) -m mypy --no-error-summary
	@$(RUN) -m pytest -n 2 $(TEST_ARGS)

test-colab: venv ## run notebooks with Colab's versions, from nothing but the .ipynb (NOTEBOOKS="00 01")
	@$(RUN) -m tools.colab_check $(NOTEBOOKS)

test-newest: ## notebooks, claims and contracts on the newest versions, and which library moved what
	@$(PYTHON) -m tools.version_check newest $(TEST_ARGS)

test-floors: ## the same on Colab's versions, the oldest that are promised
	@$(PYTHON) -m tools.version_check floors $(TEST_ARGS)

test-real-hub: venv ## contract tests, and the notebooks that use huggingface.co, against it
	@$(RUN) -m pytest --hub real --nbval-lax --nbval-cell-timeout=1800 --timeout=1800 \
		tests/practice_hub/test_contract.py notebooks $(TEST_ARGS)

notebooks: venv ## lessons/*.md → executed notebooks/*.ipynb (NOTEBOOKS="00")
	@$(RUN) -m tools.notebooks build $(NOTEBOOKS)

pages: venv ## take the pictures of the practice Hub's pages again, after a page has changed
	@$(RUN) -m tools.page_pictures

badges: venv ## set the public address (REPOSITORY=owner/name REF=tag) in badges and install cells
	@$(RUN) -m tools.notebooks badges "$(REPOSITORY)" "$(REF)"

bench: venv ## print what is fast and what is not, measured here
	@$(RUN) -m benchmarks

bench-sweep: venv ## weights and caches of every model type, loaded in four ways (SWEEP="--share 0.1")
	@$(RUN) -m benchmarks.sweep $(SWEEP)

models: venv ## train the tiny models again (minutes)
	@$(RUN) -m tools.tiny_models.train_tiny_chat
	@$(RUN) -m tools.tiny_models.grade_tiny_chat

catalogue: venv ## list the tensors of the described models (MODELS="owner/name")
	@$(RUN) -m tools.describe_models $(MODELS)

lint: venv ## check style and mend what can be mended
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

clean: ## remove what make has made
	rm -rf $(VENV) .venv-newest .venv-floors
