"""Creation of the plant named by the parameters."""

from __future__ import annotations

import math
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium

from mbrl_ros.core.extensions import describe, load
from mbrl_ros.core.pending import calling
from mbrl_ros.core.spaces import Space
from mbrl_ros.simulation import graphics
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import SimulatorSettings


def make_plant(settings: SimulatorSettings, observation: Space | None = None) -> Plant:
    """Create a plant from a Gymnasium id or an MJCF file.

    Args:
        settings: of the plant.
        observation: as the task names it; None: not known.

    Raises:
        ValueError: one line that names the environment and the problem.
    """
    environment, divergences = make_environment(settings)
    try:
        return Plant(
            environment,
            settings.environment,
            action_repeat=settings.action_repeat,
            time_step=settings.time_step,
            time_limit=settings.time_limit,
            divergences=divergences,
            observation=observation,
        )
    except ValueError:
        environment.close()
        raise


def make_environment(
    settings: SimulatorSettings,
) -> tuple[gymnasium.Env[Any, Any], tuple[type[Exception], ...]]:
    """Create what a plant wraps, and return it with its exceptions that mean divergence.

    Raises:
        ValueError: as `make_plant`.
    """
    name = settings.environment
    if not name:
        raise ValueError("environment: expected a Gymnasium id or an MJCF file, got nothing")
    graphics.choose(camera=settings.camera.rate > 0)
    if name.endswith(".xml"):
        return _from_mjcf(name, settings.task_module), ()
    if settings.task_module:
        raise ValueError(f"task_module: only for an MJCF file (.xml), and environment is '{name}'")
    environment = _from_gymnasium(name, endless=settings.time_limit == math.inf)
    if not name.startswith("dm_control/"):
        return environment, ()
    from dm_control.rl.control import PhysicsError

    return environment, (PhysicsError,)


def _from_mjcf(name: str, task_module: str) -> gymnasium.Env[Any, Any]:
    try:
        import mujoco  # noqa: F401
    except ImportError:
        raise ValueError(f"environment '{name}': needs the package mujoco") from None
    from mbrl_ros.simulation.mjcf import MjcfEnv, load_task
    from mbrl_ros.simulation.mujoco_warnings import quieten

    quieten()
    return MjcfEnv(Path(name).expanduser(), load_task(task_module) if task_module else None)


def _from_gymnasium(name: str, endless: bool) -> gymnasium.Env[Any, Any]:
    if name.startswith("dm_control/"):
        try:
            import dm_control  # noqa: F401
            import shimmy  # noqa: F401  (importing it registers the environments)
        except ImportError as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"environment '{name}': needs dm_control and shimmy, which there are up to "
                f"Python 3.12: pip install 'mbrl_ros[dm-control]' ({reason})"
            ) from None
    where, _, identifier = name.partition(":")
    if where.endswith(".py"):
        load(where, "environment")
    else:
        identifier = name
    limits: dict[str, Any] = {}
    if endless and name.startswith("dm_control/"):
        limits = {"task_kwargs": {"time_limit": math.inf}}
    elif endless:
        limits = {"max_episode_steps": -1}
    try:
        with warnings.catch_warnings(), calling(f"environment '{name}': its constructor"):
            # Gymnasium warns of old versions; real failures are errors below.
            warnings.simplefilter("ignore", DeprecationWarning)
            made = gymnasium.make(identifier, disable_env_checker=True, **limits)
    except Exception as error:
        # An environment's constructor may raise anything.
        ours = isinstance(error, gymnasium.error.Error | ModuleNotFoundError)
        reason = " ".join(str(error).split()) if ours else describe(error)
        if name.startswith("dm_control/"):
            reason += _hint()
        raise ValueError(f"environment '{name}': {reason}") from error
    # Importing MuJoCo takes time, and an environment that uses it has imported it.
    if "mujoco" in sys.modules:
        from mbrl_ros.simulation.mujoco_warnings import quieten

        quieten()
    return made


def _hint() -> str:
    """Return what to do where dm_control is known to fail with the MuJoCo that is installed."""
    import mujoco

    if int(mujoco.__version__.split(".")[0]) < 4:
        return ""
    return (
        f" (dm_control {version('dm_control')} does not work with MuJoCo {mujoco.__version__}: "
        "pip install 'mujoco<4')"
    )
