# Every target starts from a bare clone and needs PyPI and npm only; `make test` also asks Debian for a browser, a font and servers.
.DEFAULT_GOAL := help
SHELL := /bin/bash

.PHONY: help setup setup-run demo test chaos-small fuzz check bench score pictures reference clean

help: ## these words
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## .venv with everything for work on the code
	@scripts/setup dev

setup-run: ## .venv with what running needs
	@scripts/setup run

demo: setup-run ## the whole loop on this machine, with cars; Ctrl-C ends it
	@.venv/bin/roadworthy demo

test: setup ## all tests; installs what real parts need with apt where it is missing
	@scripts/system_packages
	@.venv/bin/pytest $(PYTEST_ARGS)

chaos-small: setup ## 300 kills of agents, broker and ingest, each crash point, seeded bugs; under five minutes
	@scripts/system_packages
	@.venv/bin/pytest -m chaos -n 3 tests/e2e/chaos

fuzz: setup ## property tests of what comes from outside, with TIMES times their examples (20)
	@ROADWORTHY_EXAMPLES=$(or $(TIMES),20) .venv/bin/pytest -m hypothesis $(addprefix tests/unit/,vehicle ingest edge_agent simulators)

check: setup ## format, lint, types, import contracts
	@scripts/check

bench: setup ## what is measured beside others: bytes per sample of the wire format, signals a second of decoding
	@.venv/bin/roadworthy bench wire
	@.venv/bin/roadworthy bench history
	@.venv/bin/roadworthy bench decode

score: setup ## the scorecard: a simulated fleet, as it is and under four stresses; docs/scorecard.md with charts
	@scripts/score

pictures: setup ## pictures of every page of a running demo: make pictures URL=http://127.0.0.1:8420 PASSWORD=…
	@scripts/system_packages
	@.venv/bin/python scripts/take_pictures.py $(URL) $(PASSWORD)

reference: setup ## docs/reference from the code
	@.venv/bin/python scripts/generate_reference.py

clean: ## remove what the targets made; data folders stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage dist build
	rm -rf node_modules api/console/static/vendor
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
