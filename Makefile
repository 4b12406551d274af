# make sim             sets up .venv if needed and learns cartpole swing-up
#                      (make sim ARGS="task:=pendulum_swingup seed:=1 duration:=60")
# make test            sets up .venv if needed and runs every check
# make test-fast       the same with the quick tests only
# make lint            ruff and mypy only
# make test-learning   whole learning runs, minutes long
# make test-versions   the wheel with the oldest and the newest packages that it allows
# make docs            the documentation as a site, in build/site
# make bench           planning, beside other libraries (sets up .venv-bench if needed)
#                      (make bench ARGS="--json planning.json"; or one of our own with .venv:
#                      .venv/bin/mbrl-ros bench tick)
# make curves          the documented learning curves: measures what is missing, and writes the tables; hours,
#                      on one thread; interrupt it at will (make curves ARGS=--finished: no measuring)
# make bench-learning  learning curves of five seeds, beside random actions, true dynamics and
#                      published ones; many hours (sets up .venv-bench if needed; ARGS=--mbrl: beside
#                      mbrl-lib too, an hour more for each seed; or with .venv, without mbrl-lib's task:
#                      .venv/bin/mbrl-ros bench learning --tasks cartpole_swingup --seeds 0 1)
# make world-models    World Models on the cart-pole: CMA-ES in the dream beside real returns, minutes
#                      (make world-models ARGS="--task cartpole_pixels")
# make clean           removes .venv, .venv-bench and what was built; runs/ stays

PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=
# A test file as a whole goes to one of them; "-n 0" among PYTEST_ARGS does without.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder

VENV := .venv
PACKAGES := $(VENV)/packages.stamp
READY := $(VENV)/ready.stamp
PIP_INSTALL := $(VENV)/bin/python -m pip install --disable-pip-version-check

# A sourced ROS 2 puts its Python packages before ours; colcon is the way to use it.
unexport PYTHONPATH
unexport PYTHONHOME

BENCH := .venv-bench
# mbrl-lib pins old versions of what it needs; it runs with these.
PEERS := mbrl==0.2.0 pytorch_mppi==0.9.1 arm_pytorch_utilities==0.5.0 pytorch_seed==0.2.0 \
         hydra-core==1.3.8 omegaconf==2.3.1 antlr4-python3-runtime==4.9.3 termcolor==3.3.0

.PHONY: sim faults docs lint test test-fast test-learning test-versions bench bench-learning curves world-models clean
.DELETE_ON_ERROR:

sim: $(READY)
	@$(VENV)/bin/mbrl-ros launch sim $(ARGS)

faults: $(READY)
	@$(VENV)/bin/mbrl-ros faults $(ARGS)

docs: $(READY)
	$(VENV)/bin/python -m sphinx -q -W --keep-going docs build/site
	@echo "look at it: $(VENV)/bin/python -m http.server --directory build/site"

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test-fast: lint
	$(VENV)/bin/python -m pytest $(WORKERS) -m unit $(PYTEST_ARGS)

test: lint
	$(VENV)/bin/python -m pytest $(WORKERS) -m "not learning and not versions" $(PYTEST_ARGS)

test-learning: $(READY)
	$(VENV)/bin/python -m pytest -m learning $(PYTEST_ARGS)

test-versions: $(READY)
	$(VENV)/bin/python -m pytest -m versions $(PYTEST_ARGS)

bench: $(BENCH)/ready.stamp
	@$(BENCH)/bin/mbrl-ros bench planning $(ARGS)

curves: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python benchmarks/curves.py $(ARGS)

world-models: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python benchmarks/dreams.py $(ARGS)

bench-learning: $(BENCH)/ready.stamp
	@$(BENCH)/bin/mbrl-ros bench learning --tasks cartpole_swingup pendulum_swingup reacher_easy \
		cartpole_v1 benchmarks/mbrl_cartpole.yaml $(ARGS)

$(BENCH)/ready.stamp: requirements.txt .ci/make_venv.py setup.py pyproject.toml
	@echo "Setting up $(BENCH): a few minutes, this once"
	@$(PYTHON) .ci/make_venv.py $(BENCH)
	$(BENCH)/bin/python -m pip install --disable-pip-version-check -r requirements.txt
	$(BENCH)/bin/python -m pip install --disable-pip-version-check --no-deps $(PEERS)
	$(BENCH)/bin/python -m pip install --disable-pip-version-check --quiet --no-build-isolation \
		--no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) $(BENCH) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

$(PACKAGES): requirements.txt .ci/make_venv.py
	@echo "Setting up $(VENV): a few minutes, this once"
	@$(PYTHON) .ci/make_venv.py $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

# Not isolated: setuptools is among the packages, and nothing is downloaded again.
$(READY): $(PACKAGES) setup.py pyproject.toml mbrl_ros/__init__.py
	$(PIP_INSTALL) --quiet --no-build-isolation --no-deps --editable .
	@touch $@
