# The verbs of this repository. Each one is enough on a fresh machine with Rust, Python 3.10 or newer, and make: it makes
# the virtual environment it needs in .venv and builds what it runs. CARGO_TARGET_DIR is honoured.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH        := $(VIRTUAL_ENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONHOME PYTHONPATH CONDA_PREFIX

# The tests wait for servers that are silent more than they compute.
PYTEST ?= -n 2

# Seconds that `make fuzz` spends on each target.
FUZZ_SECONDS ?= 60

# Hours that `make soak` simulates.
SIMULATED_HOURS ?= 200000

SOURCES := $(shell find src -type f 2>/dev/null) Cargo.toml Cargo.lock pyproject.toml
TOOLS   := $(VENV)/.tools
BUILT   := $(VENV)/.built

# The release wheel is built from the source distribution, so that both are known to be whole.
PACKAGE := $(shell find python -type f ! -name '*.so' ! -name '*.pyc' 2>/dev/null) README.md
WHEEL   := dist/.built

.PHONY: help demo build fmt fmt-check lint core test test-rust test-py notebooks docs bench soak wheel suites pythons check fuzz clean

help: ## what each verb does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

demo: $(BUILT) ## a router surviving an outage, on this machine, with no key and no network
	@$(BIN)/python -m waypost demo

build: $(BUILT) ## the package, for development, in .venv

fmt: $(TOOLS) ## write all code the one way
	cargo fmt
	$(BIN)/ruff check --quiet --select I,RUF100 --fix .
	$(BIN)/ruff format .

fmt-check: $(TOOLS)
	cargo fmt --check
	$(BIN)/ruff format --check .

lint: $(BUILT) ## clippy, ruff, mypy, pyright, the stub against the extension; a warning is an error
	cargo clippy --quiet --all-targets --all-features -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright --level error --pythonpath $(BIN)/python
	$(BIN)/python -m mypy.stubtest waypost._waypost

core: ## the core alone, with no Python on the machine
	cargo check --no-default-features

test: test-rust test-py ## all tests

test-rust: ## the core's tests; they never link Python
	cargo test --quiet --no-default-features

test-py: $(BUILT) ## the package's tests
	$(BIN)/pytest -q $(PYTEST)

notebooks: $(BUILT) ## run the notebooks, against fake providers
	scripts/notebooks.sh $(BIN)/python

docs: ## the documentation of the core, in which every link leads somewhere
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --no-default-features

bench: ## microseconds a decision, an event, a request
	cargo bench --no-default-features --profile fast

soak: ## hundreds of thousands of simulated hours of bad days (SIMULATED_HOURS): what must hold in all of them
	WAYPOST_SIMULATED_HOURS=$(SIMULATED_HOURS) cargo test --profile fast --no-default-features --test rust simulated -- --nocapture

wheel: $(WHEEL) ## the release wheel in dist, made from the source distribution, and whether it is as light as promised
	$(BIN)/python scripts/check_wheel.py dist/*.whl

suites: $(WHEEL) ## LangChain's standard suites and LlamaIndex's like, at the newest and the oldest release, over the wheel
	PYTHON=$(PYTHON) scripts/suites.sh dist/*.whl

pythons: $(WHEEL) ## the wheel on every supported Python of this machine; the others are named
	scripts/pythons.sh dist/*.whl

check: fmt-check core lint test docs ## what a reviewer runs

fuzz: $(BIN)/cargo-fuzz ## look for bytes that break parsers and adapters, FUZZ_SECONDS each (60)
	for target in sse adapters config; do \
	  mkdir -p fuzz/corpus/$$target && \
	  cargo fuzz run --sanitizer none $$target fuzz/corpus/$$target tests/fixtures/fuzz/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=8192 || exit 1; \
	done

clean: ## remove what was built here
	rm -rf $(VENV) .suites dist fuzz/target fuzz/corpus .pytest_cache .mypy_cache .ruff_cache python/waypost/_waypost*.so
	find python tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
	cargo clean

$(TOOLS): requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 10) and "waypost needs Python 3.10 or newer")'
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

# The development profile: a fresh machine waits less than half as long as for a release.
$(BUILT): $(TOOLS) $(SOURCES)
	$(BIN)/maturin develop --quiet
	touch $@

$(WHEEL): $(TOOLS) $(SOURCES) $(PACKAGE)
	rm -rf dist
	$(BIN)/maturin build --release --sdist --quiet --out dist
	touch $@

$(BIN)/cargo-fuzz: | $(TOOLS)
	cargo install --quiet --root $(VENV) cargo-fuzz
