# Each target sets up what it needs in $(VENV); what is there already is not touched, so a second call needs no network.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SAY_EVERY_S ?= 10
# How many processes share the tests; a file of tests stays whole, so that what it sets up is made once. A process that dies ends
# the run and names its test: where it is begun again, pytest-xdist waits without end for what it had left.
TEST_PROCESSES ?= 2
PYTEST = $(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --max-worker-restart 0
# pip's own bars are a hundred lines and silent while it unpacks: instead a line of what and where, and the time so far.
define INSTALL
@echo "installing $(strip $(1)) into $(VENV): some minutes, depending on the network"
@(seconds=0; while sleep $(SAY_EVERY_S) >/dev/null 2>&1; do seconds=$$((seconds + $(SAY_EVERY_S))); echo "  installing: $$seconds s"; done) & \
	ticker=$$!; trap 'kill $$ticker 2>/dev/null' EXIT INT TERM; \
	$(BIN)/pip install --quiet --disable-pip-version-check $(1)
endef
# Installed without what it asks for, supervision 0.6: it works with newer ones.
GROUNDING_DINO = groundingdino-py==0.4.0

.PHONY: demo foundation foundation-check test test-light check format bench chaos mutants schemas docs kafka clean

demo: $(VENV)/.city  ## three cameras in a synthetic city: vehicles move from camera to camera
	$(BIN)/corridor demo

foundation: $(VENV)/.foundation  ## the libraries of Grounding DINO and SAM; their weights: `corridor weights pull`

foundation-check: $(VENV)/.dev  ## are they worth it? PULL=1 fetches weights, CLIP=FILE is yours, RANDOM=1 needs none
	$(BIN)/python -m tests.bench.foundation_check $(if $(PULL),--pull) $(if $(RANDOM),--random) $(if $(CLIP),--clip '$(CLIP)')

test: $(VENV)/.dev  ## all tests, and which of them are the slowest
	$(PYTEST) --durations=25

test-light: $(VENV)/.light  ## the tests that need no torch, which is then not installed
	$(PYTEST) -m "not torch"

check: $(VENV)/.dev  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## mend style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## the figures of docs/benchmarks.md
	$(BIN)/python -m tests.bench

chaos: $(VENV)/.dev  ## random faults on SQLite, Kafka and three brokers by twenty seeds (an hour); `make test` has one
	CORRIDOR_CHAOS_SEEDS=$${CORRIDOR_CHAOS_SEEDS:-20} $(BIN)/python -m pytest -q -s tests/chaos

mutants: $(VENV)/.mutants  ## small defects that no test notices, in a seeded sample (fifty minutes for four rooms)
	$(BIN)/python -m tests.mutants

schemas: $(VENV)/.dev  ## docs/schemas and docs/reference from the code
	$(BIN)/python -m deploy.results.schemas docs/schemas
	$(BIN)/python -m deploy.results.asyncapi docs/schemas
	$(BIN)/python -m deploy.results.reference docs/reference

docs: $(VENV)/.docs  ## the documentation as a site in runs/site-docs, from these files alone; broken links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "runs/site-docs/index.html; with search: python3 -m http.server -d runs/site-docs"

kafka:  ## an Apache Kafka broker for development, on port 19092 (needs Java 17 and Maven)
	deploy/manifests/kafka/run.sh

clean:
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.city: pyproject.toml | $(VENV)/bin/python
	$(call INSTALL, -e '.[city]')
	@touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(call INSTALL, -e '.[docs]')
	@touch $@

$(VENV)/.light: pyproject.toml | $(VENV)/bin/python
	$(call INSTALL, -e '.[light]')
	touch $@ $(VENV)/.city $(VENV)/.docs

$(VENV)/.foundation: pyproject.toml | $(VENV)/bin/python
	$(call INSTALL, -e '.[foundation]')
	$(call INSTALL, --no-deps $(GROUNDING_DINO))
	@touch $@

$(VENV)/.mutants: $(VENV)/.dev
	$(INSTALL) -e '.[mutants]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(call INSTALL, -e '.[dev]')
	$(call INSTALL, --no-deps $(GROUNDING_DINO))
	touch $@ $(VENV)/.light $(VENV)/.city $(VENV)/.docs $(VENV)/.foundation
