# make sim             sets up .venv if needed and learns cartpole swing-up
#                      (make sim ARGS="task:=pendulum_swingup seed:=1 duration:=60")
# make test            sets up .venv if needed and runs every check
# make test-learning   whole learning runs, minutes long
# make clean           removes .venv and what was built; runs/ stays

PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=

VENV := .venv
PACKAGES := $(VENV)/packages.stamp
READY := $(VENV)/ready.stamp
PIP_INSTALL := $(VENV)/bin/python -m pip install --disable-pip-version-check

# A sourced ROS 2 puts its Python packages before ours; colcon is the way to use it.
unexport PYTHONPATH
unexport PYTHONHOME

.PHONY: sim test test-learning clean
.DELETE_ON_ERROR:

sim: $(READY)
	@$(VENV)/bin/mbrl-ros launch sim $(ARGS)

test: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -m "not learning" $(PYTEST_ARGS)

test-learning: $(READY)
	$(VENV)/bin/python -m pytest -m learning $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(PACKAGES): requirements.txt .ci/make_venv.py
	@echo "Setting up $(VENV): a few minutes, this once"
	@$(PYTHON) .ci/make_venv.py $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

# Not isolated: setuptools is among the packages, and nothing is downloaded again.
$(READY): $(PACKAGES) setup.py pyproject.toml
	$(PIP_INSTALL) --quiet --no-build-isolation --no-deps --editable .
	@touch $@
