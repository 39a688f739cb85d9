# Chat-REC. `make test` sets everything up by itself.
PYTHON ?= python3
PY := .venv/bin/python
export RASA_TELEMETRY_ENABLED = false
export HF_HUB_OFFLINE = 1
export SQLALCHEMY_SILENCE_UBER_WARNING = 1
export TF_CPP_MIN_LOG_LEVEL = 2
export TOKENIZERS_PARALLELISM = false

.PHONY: setup test lint lock
setup: .venv/.installed

.venv/.installed: requirements/lock.txt requirements/assets.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' || \
	  { echo "Python 3.10 is needed as '$(PYTHON)': install it (pyenv install 3.10) or run make PYTHON=python3.10"; exit 2; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q uv==0.13.9
	$(PY) -m uv pip install -q --no-deps --require-hashes -r requirements/lock.txt -r requirements/assets.txt
	$(PY) -m uv pip install -q --no-deps --no-build-isolation -e .
	touch $@

lint: setup
	$(PY) -m ruff check .

test: lint
	$(PY) -m pytest -m "not slow"

lock:
	$(PY) -m uv pip compile -q --python-version 3.10 --generate-hashes --no-emit-index-url \
	  --override requirements/overrides.txt requirements/lock.in -o requirements/lock.txt
	$(PY) -m uv pip compile -q --python-version 3.10 --generate-hashes --no-emit-index-url --no-deps \
	  requirements/assets.in -o requirements/assets.txt
