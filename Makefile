# Chat-REC. `make` lists what there is to make; `make run` and `make test` do everything else on the way.
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
MODEL := models/rasa.tar.gz
INSTALLED := $(VENV)/installed
RAY := $(VENV)/ray
WARM := $(VENV)/warm

# Rasa 3.6 runs on Python 3.10 and on no later one. `make PYTHON=/path/to/python3.10 run` names it.
PYTHON ?= $(shell for p in python3.10 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null && echo $$p && break; done)

# Nobody is told that somebody uses Rasa, nothing is looked up on a model hub unless asked for (HF_HUB_OFFLINE=0), and
# libraries that Rasa pins don't warn of each other.
export RASA_TELEMETRY_ENABLED ?= false
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
export TF_CPP_MIN_LOG_LEVEL ?= 2
export SQLALCHEMY_SILENCE_UBER_WARNING ?= 1
export PYTHONWARNINGS ?= ignore:pkg_resources is deprecated:UserWarning

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run multi serve test lint designer bench train tune setup lock clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: setup train  ## set up what is missing, start the bot and print its address
	@$(BIN)/python -m deploy.local

multi: setup train  ## the same with two Rasa servers, PostgreSQL and Redis, all on this machine
	@$(BIN)/python -m deploy.multi

serve: setup train $(RAY)  ## the same again with the ranker in two processes of its own, by Ray Serve
	@$(BIN)/python -m deploy.multi --serve

# The quick tests come before the weights and the dialogue model: a mistake shows within minutes of a fresh clone.
test: lint  ## all checks: style, the direction of imports, quick tests, then the slow ones
	@$(BIN)/python -m pytest -n 2 -m "not slow and not alone"
	@$(MAKE) --no-print-directory setup train $(RAY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not alone"
	@$(BIN)/python -m pytest -m alone

lint: $(INSTALLED)  ## style and the direction of imports
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo

designer: $(INSTALLED)  ## check what conversation designers edit, and draw it as a page
	@$(BIN)/python -m designer

bench: setup train $(RAY)  ## speed and quality against peers: hours (one: .venv/bin/python -m benchmarks NAME)
	@$(BIN)/python -m benchmarks

train: $(MODEL)  ## train the dialogue model when it is missing or older than its data

tune: setup  ## fine-tune the encoder on the examples of data/nlu: minutes, worth it after hundreds of new ones
	@$(BIN)/python -m components.tuning

setup: $(WARM)  ## the environment, the weights and what is computed from them once

lock: $(BIN)/uv  ## pin newer versions: requirements/*.in -> *.txt
	@$(BIN)/uv pip compile -q --upgrade --python-version 3.10 --generate-hashes --no-emit-index-url \
		--override requirements/overrides.txt requirements/lock.in -o requirements/lock.txt
	@$(BIN)/uv pip compile -q --upgrade --python-version 3.10 --generate-hashes --no-emit-index-url --no-deps \
		requirements/assets.in -o requirements/assets.txt
	@$(BIN)/uv pip compile -q --upgrade --python-version 3.10 --generate-hashes --no-emit-index-url \
		--override requirements/overrides.txt -c requirements/lock.txt requirements/serve.in -o requirements/serve.txt

clean:  ## drop models and caches; keep the environment and what users told the bot
	@rm -rf $(MODEL) $(WARM) var/cache var/logs .rasa .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Chat-REC needs Python 3.10: install it (pyenv install 3.10, or your system's" \
		"python3.10 with its venv module) or name it with PYTHON=/path/to/python3.10" >&2; exit 1; }
	@for tool in git cc; do command -v $$tool >/dev/null || { echo "Chat-REC needs git and a C compiler, but there is" \
		"no $$tool: install git and build-essential (or your system's like)" >&2; exit 1; }; done
	@echo "Setting up Python in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Chat-REC needs Python's venv module: install python3.10-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

# Our own package is built apart from the environment, in which Rasa's old `packaging` stops setuptools.
$(INSTALLED): $(BIN)/uv requirements/lock.txt requirements/assets.txt pyproject.toml
	@echo "Installing what requirements/lock.txt and assets.txt pin ..."
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes --compile-bytecode \
		-r requirements/lock.txt -r requirements/assets.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --build-constraints requirements/lock.txt -e .
	@touch $@

# Optional, and nothing that lock.txt pins changes with it: 80 MB to load.
$(RAY): $(INSTALLED) requirements/serve.txt
	@echo "Installing Ray Serve ..."
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes --compile-bytecode \
		-r requirements/serve.txt
	@touch $@

$(WARM): $(INSTALLED) $(wildcard data/catalogs/*/*.csv data/catalogs/*/*.toml)
	@$(BIN)/chatrec doctor --warm
	@touch $@

$(MODEL): domain.yml config.yml $(shell find data components -name '*.yml' -o -name '*.toml' -o -name '*.py' 2>/dev/null) \
		$(wildcard models/understanding/adapter_model.safetensors) | $(INSTALLED)
	@echo "Training the dialogue model ..."
	@$(BIN)/rasa train --fixed-model-name rasa --out models
	@touch $@
