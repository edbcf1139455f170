# make demo | test | test-all | check | bench | clean. Installs into .venv; the demo's data is in ~/.sagesse, its pictures in demo-output.
SHELL := /bin/sh
BIN := .venv/bin
# Each server that a test starts would compile all of Sagesse again, two thirds of a second of CPU.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev demo test test-all check bench clean

help:
	@sed -n 1p Makefile

setup:
	@tools/setup user

setup-dev:
	@tools/setup dev

demo: setup
	@$(BIN)/sagesse demo

# A process per core, each with whole files: the tests of a file share a server.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

test: setup-dev
	@$(PYTEST)

test-all: setup-dev
	@$(PYTEST) -m ""

check: setup-dev
	@$(BIN)/ruff format --check src tests benchmarks tools examples
	@$(BIN)/ruff check src tests benchmarks tools examples
	@$(BIN)/lint-imports
	@$(BIN)/pyright
	@$(BIN)/python -m pytest tests/docs

bench: setup-dev
	@tools/setup bench
	@$(BIN)/python -m benchmarks

clean:
	-@$(BIN)/sagesse down --jobs
	rm -rf .venv demo-output build dist
