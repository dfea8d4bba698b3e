# Every target sets itself up: a machine with Python >= 3.11, git and make is enough.
# `make demo` and `make test` are the two to start with; `make` alone lists the rest.

VENV  := .venv
PY    := $(VENV)/bin/python
# The stamp carries the checkout's place: a copied or moved checkout installs itself anew
# instead of silently running the code of the old one.
STAMP := $(VENV)/.installed-$(shell pwd | cksum | cut -d' ' -f1)
# Extra arguments: make test ARGS="-k weights -x"
ARGS  ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types format benchmarks clean

help:
	@echo 'make demo        train, measure and report on the bundled sample data (into demo/)'
	@echo 'make test        run the tests              (ARGS="-k weights" to choose)'
	@echo 'make lint        Ruff: rules and layout'
	@echo 'make types       mypy'
	@echo 'make format      let Ruff mend what it can'
	@echo 'make benchmarks  say how to run the benchmarks'
	@echo 'make clean       remove .venv, caches and demo/'

setup: $(STAMP)

# The stamp is touched last, so an interrupted installation is simply taken up again.
# A .venv without a working pip is what an interrupted `python -m venv` leaves: begin afresh.
$(STAMP): pyproject.toml
	@set -e; \
	if ! { $(PY) -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' && \
	       $(PY) -m pip --version; } >/dev/null 2>&1; then \
	  rm -rf $(VENV); \
	  for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
	    if command -v $$candidate >/dev/null 2>&1 && \
	       $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	    then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "headstart needs Python 3.11 or newer, and none is on PATH." >&2; \
	    echo "Install one, or name it: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	  fi; \
	  echo "Setting up $(VENV) with $$found (a few minutes, once) ..."; \
	  $$found -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "$$found cannot make virtual environments: install its venv package" \
	         "(Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }; \
	fi; \
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]' || { \
	  echo "Installing failed, see above; 'make $(or $(MAKECMDGOALS),setup)' takes it up again," \
	       "'make clean' begins afresh." >&2; exit 1; }; \
	rm -f $(VENV)/.installed-*; touch $@

demo: $(STAMP)
	$(VENV)/bin/headstart demo -o demo --overwrite $(ARGS)

test: $(STAMP)
	$(PY) -m pytest $(ARGS)

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(STAMP)
	$(PY) -m mypy

format: $(STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

benchmarks: $(STAMP)
	@echo 'Run by hand; each prints a table in Markdown and says what it needs with --help.'
	@echo '  $(PY) benchmarks/against_fastai.py --fastai-python /path/to/fastai/bin/python'
	@echo '  $(PY) benchmarks/datasets.py       accuracy on the real image sets, beside a baseline of ten lines'
	@echo '  $(PY) benchmarks/engine_rate.py    images per second, embedding against the bare engine'
	@echo '  $(PY) benchmarks/scale.py          time and memory on 100,000 images'
	@echo '  $(PY) benchmarks/fine_tune.py      fine-tuning against the probe, fastai and the tutorial loop'
	@echo '  $(PY) benchmarks/training_rate.py  training images per second, busy processors, memory'
	@echo '  $(PY) benchmarks/planted.py        fine-tuning on data with planted troubles'
	@echo '  $(PY) benchmarks/kill_points.py    killed at random points, the same weights in the end'
	@echo '  $(PY) benchmarks/advice.py         what is expected and announced, against what comes'
	@echo '  $(PY) benchmarks/inference.py      exported models against plain torch'
	@echo '  $(PY) benchmarks/serving.py        the server under load'
	@echo '  $(PY) benchmarks/recognition.py    who is on a photo, and strangers, on real faces'
	@echo '  $(PY) benchmarks/faces.py          what finding and aligning the face is worth; gender, age'
	@echo '  $(PY) benchmarks/subgroups.py      false accepts by gender and race'
	@echo '  $(PY) benchmarks/track_scores.py   how a face in a film is best compared'
	@echo '  $(PY) benchmarks/gallery_scale.py  100,000 enrolled photos; killed while enrolling'
	@echo 'Data: HEADSTART_DATA (default ../shared/data); weights: HEADSTART_WEIGHTS (../shared/weights).'

clean:
	rm -rf $(VENV) demo dist build .mypy_cache .ruff_cache .pytest_cache
