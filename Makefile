# Needs Python 3.11 or newer with venv and pip; everything else goes into .venv.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test bench lint clean

demo: .venv/demo.done
	$(BIN)/python -m fastnet demo

test: .venv/dev.done
	$(BIN)/python -m pytest tests benchmarks --benchmark-disable

bench: .venv/bench.done
	$(BIN)/python -m benchmarks

lint: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.venv/%.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf .venv build dist fastnet.egg-info
