"""Changes of a MuJoCo simulation's physics at run time: masses, friction, motors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from mbrl_ros.core.settings import flat
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.settings import PhysicsSettings

_UNCHANGED = PhysicsSettings()
_MASS = ("body_mass", "body_inertia")
# Older versions of MuJoCo have no polynomial.
_DAMPING = ("dof_damping", "dof_dampingpoly", "dof_frictionloss")
_CONTACT = ("geom_friction", "pair_friction")
_MOTOR = ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange")
# Derived by MuJoCo from masses. actuator_acc0 is not changed: it scales the strength of a muscle,
# which a load does not reduce.
_DERIVED = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "dof_M0",
    "tendon_invweight0",
    "flexedge_invweight0",
)


class Perturbation:
    """Applies requested scales to a MuJoCo model, relative to the original.

    ``ask`` may be called from another thread; everything else from the one that steps.
    """

    def __init__(self, physics: Physics | None, environment: str) -> None:
        """Start with the original model.

        Args:
            physics: the simulation; None: the environment has none.
            environment: its name in messages.
        """
        self._physics = physics
        self._environment = environment
        self._asked = self._acting = _UNCHANGED
        self._original: Any = None

    def ask(self, settings: PhysicsSettings) -> None:
        """Request other physics from the next call of ``act`` on.

        Raises:
            ValueError: naming the parameter that does not fit the model; nothing is changed then.
        """
        if self._physics is None:
            self._refuse_all(settings)
        else:
            _check(self._physics.model, settings, self._environment)
        self._asked = settings

    def act(self) -> None:
        """Apply requested physics; the state is not changed."""
        asked = self._asked
        if asked == self._acting or self._physics is None:
            return
        model, data = self._physics.model, self._physics.data
        if self._original is None:
            self._original = copy.copy(model)
        _write(_scaled(self._original, asked), model)
        _compute_anew(model, data)
        self._acting = asked

    def undo(self) -> None:
        """Restore the original model until the next call of ``act``.

        For a reset, where an environment may exchange its model or write its own values.
        """
        if self._original is None or self._physics is None:
            return
        _write(self._original, self._physics.model)
        self._original = None
        self._acting = _UNCHANGED

    def _refuse_all(self, settings: PhysicsSettings) -> None:
        unchanged = flat(_UNCHANGED)
        for name, value in flat(settings).items():
            if value != unchanged[name]:
                raise ValueError(
                    f"physics.{name}: environment '{self._environment}' has no MuJoCo model to "
                    f"change; expected {unchanged[name]}, got {value}"
                )


def scaled_model(original: Any, settings: PhysicsSettings, environment: str) -> Any:
    """Return a copy of a ``mujoco.MjModel`` with other physics.

    Args:
        original: stays as it is.
        settings: scales.
        environment: its name in messages.

    Raises:
        ValueError: naming the parameter that does not fit the model.
    """
    _check(original, settings, environment)
    return _scaled(original, settings)


def given_parameters(model: Any) -> list[str]:
    """Return what a perturbation changes of a ``mujoco.MjModel``, but for what follows from it."""
    return _present(model, (*_MASS, *_DAMPING, *_CONTACT, *_MOTOR))


def _check(model: Any, settings: PhysicsSettings, environment: str) -> None:
    names = [model.body(i).name for i in range(1, model.nbody)]
    for body in settings.bodies:
        if body not in names:
            known = ", ".join(filter(None, names)) or "none with a name"
            raise ValueError(
                f"physics.bodies: environment '{environment}' has no body '{body}', it has: {known}"
            )
    if settings.gain_scale != 1.0 and not _gains_scale(model):
        raise ValueError(
            f"physics.gain_scale: environment '{environment}' has actuators other than "
            f"motors, servos and muscles; expected 1.0, got {settings.gain_scale}"
        )


def _gains_scale(model: Any) -> bool:
    """Return whether the force of every actuator is proportional to its parameters."""
    import mujoco

    gain, bias = mujoco.mjtGain, mujoco.mjtBias
    gains = [gain.mjGAIN_FIXED, gain.mjGAIN_AFFINE, gain.mjGAIN_MUSCLE]
    biases = [bias.mjBIAS_NONE, bias.mjBIAS_AFFINE, bias.mjBIAS_MUSCLE]
    known = np.isin(model.actuator_gaintype, [int(kind) for kind in gains])
    known &= np.isin(model.actuator_biastype, [int(kind) for kind in biases])
    return bool(known.all())


def _scaled(original: Any, settings: PhysicsSettings) -> Any:
    """Return a copy of a model with other physics."""
    import mujoco

    model = copy.copy(original)
    for name in _present(model, _DAMPING):
        getattr(model, name)[:] *= settings.friction_scale
    # A geom has one sliding coefficient, a pair one for each tangent.
    model.geom_friction[:, 0] *= settings.friction_scale
    model.pair_friction[:, :2] *= settings.friction_scale
    # Gain and bias together: a servo gets weaker, but keeps its set point.
    for parameters, kinds, muscle in (
        (model.actuator_gainprm, model.actuator_gaintype, mujoco.mjtGain.mjGAIN_MUSCLE),
        (model.actuator_biasprm, model.actuator_biastype, mujoco.mjtBias.mjBIAS_MUSCLE),
    ):
        muscles = kinds == int(muscle)
        parameters[~muscles] *= settings.gain_scale
        # Of a muscle's parameters, these two are forces.
        parameters[muscles, 2:4] *= settings.gain_scale
    model.actuator_forcerange[:] *= settings.gain_scale
    if settings.mass_scale != 1.0:
        ids = [model.body(name).id for name in settings.bodies] or slice(1, None)
        model.body_mass[ids] *= settings.mass_scale
        model.body_inertia[ids] *= settings.mass_scale
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def _write(source: Any, model: Any) -> None:
    """Copy everything that a perturbation changes from one model to another."""
    for name in (*given_parameters(model), *_present(model, _DERIVED)):
        getattr(model, name)[:] = getattr(source, name)


def _present(model: Any, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if hasattr(model, name)]


def _compute_anew(model: Any, data: Any) -> None:
    """Recompute quantities derived from the state, if they were computed with other physics.

    With split stepping, as in dm_control, the next step begins with the forces. mj_step leaves
    derived quantities older than the positions, and begins by recomputing them.
    """
    import mujoco

    probe = copy.copy(data)
    mujoco.mj_kinematics(model, probe)
    if np.array_equal(probe.xpos, data.xpos) and np.array_equal(probe.xquat, data.xquat):
        mujoco.mj_step1(model, data)
