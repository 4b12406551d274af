"""An MJCF file with other physics."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbrl_ros.simulation.perturbation import given_parameters, scaled_model
from mbrl_ros.simulation.settings import PhysicsSettings


def mjcf_text(source: Path, physics: PhysicsSettings) -> str:
    """Return an MJCF file's model with other physics; meshes are where they were, beside it.

    Args:
        source: the file.
        physics: scales.

    Raises:
        ValueError: if the physics do not fit the model, or MuJoCo cannot write it.
    """
    import mujoco

    wanted = scaled_model(mujoco.MjModel.from_xml_path(str(source)), physics, str(source))
    spec = mujoco.MjSpec.from_file(str(source))
    built = spec.compile()
    for body in spec.bodies:
        i = body.id
        if i and (wanted.body_mass[i] != built.body_mass[i]):
            # Given outright, they are no longer inferred from the geoms.
            body.explicitinertial = True
            body.mass, body.inertia = wanted.body_mass[i], wanted.body_inertia[i]
            body.ipos, body.iquat = wanted.body_ipos[i], wanted.body_iquat[i]
    for joint in spec.joints:
        joint.damping = joint.damping * physics.friction_scale
        joint.frictionloss = joint.frictionloss * physics.friction_scale
    for geom in spec.geoms:
        geom.friction[0] *= physics.friction_scale
    for pair in spec.pairs:
        pair.friction[:2] *= physics.friction_scale
    for actuator in spec.actuators:
        i = actuator.id
        actuator.gainprm, actuator.biasprm = wanted.actuator_gainprm[i], wanted.actuator_biasprm[i]
        actuator.forcerange = wanted.actuator_forcerange[i]
    spec.compile()
    text = spec.to_xml()
    made = mujoco.MjSpec.from_string(text)
    made.modelfiledir = str(source.parent)
    again = made.compile()
    for name in given_parameters(wanted):
        if not np.allclose(getattr(again, name), getattr(wanted, name), rtol=1e-4, atol=1e-9):
            raise ValueError(f"{source}: MuJoCo does not write its {name}: expected a .yaml file")
    return str(text)
