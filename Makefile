.DEFAULT_GOAL := help
PY := .venv/bin/python
CONFIG ?= conf/miniature.yaml
LIGHT := not vllm and not ray

.PHONY: help setup demo miniature check test lint format bench reference screenshot clean

help: ## show the targets
	@grep -E '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## make .venv and install (CPU); skips what is done
	@bash cluster/install.sh cpu

demo: setup ## run the whole pipeline on this machine
	@$(PY) jobs/pipeline.py --config $(CONFIG) $(ARGS)

check: lint ## what every change must pass, in minutes: lint and the tests without engines and clusters
	@$(PY) -m pytest -n 2 -q -m "$(LIGHT) and not gpu and not slow" $(ARGS)

miniature: setup ## pretrain the base of conf/miniature.yaml from nothing, 15 minutes or so on 2 cores
	@OMP_NUM_THREADS=1 .venv/bin/torchrun --nproc-per-node 2 -m z1ray.miniature.pretrain --output z1ray/models/Z1-Miniature-Base $(ARGS)

test: setup ## run every test in two processes: units first, then vLLM, Ray, DeepSpeed, HTTP, browser
	@$(PY) -m pytest -n 2 --reruns 1 -m "$(LIGHT)" $(ARGS)
	@$(PY) -m pytest -n 2 --reruns 1 -m "not ($(LIGHT))" $(ARGS)

lint: setup ## ruff and mypy
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

format: setup ## reformat with ruff
	@$(PY) -m ruff check --fix . && $(PY) -m ruff format .

bench: bench-window bench-serve bench-generate bench-scale bench-curate bench-train bench-evaluate bench-grade bench-deadline ## run every benchmark

bench-%: setup ## run one benchmark; its last line is a JSON object
	@$(PY) -m tests.bench.$* $(ARGS)

reference: setup ## write conf/README.md, the reference of all settings, from the code
	@$(PY) -m z1ray.reference >conf/README.md

screenshot: setup ## take the README's picture of the playground anew
	@PLAYGROUND_SCREENSHOT=tests/serving/playground.png $(PY) -m pytest -q tests/serving/test_playground.py -k side_by_side
