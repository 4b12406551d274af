"""Policies as ONNX files, for computers without torch."""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mbrl_ros.models.actor_critic.actor_critic import ActorCritic

#: Largest difference between the file's answers and ours, as a share of half an action's range.
TOLERANCE = 1e-5
_INPUT, _OUTPUT = "observation", "action"
# Observations it is checked on, and how far away they are [standard deviations].
_CHECKS, _FAR = 256, 3.0


class _Policy(nn.Module):
    """From observations to the best known actions."""

    def __init__(self, learned: ActorCritic) -> None:
        super().__init__()
        self.learned = learned

    def forward(self, observation: Tensor) -> Tensor:
        """Return actions ``(N, A)`` for observations ``(N, O)``, SI units."""
        return self.learned.best(self.learned.read(observation))


def to_onnx(learned: ActorCritic, metadata: Mapping[str, Any]) -> bytes:
    """Return a policy with its normalisation as an ONNX file.

    Its input ``observation`` is float64 of shape ``(N, O)``, since float32 would not tell apart
    what is far from zero; its output ``action`` is float32 of shape ``(N, A)``.

    Args:
        learned: has the policy.
        metadata: name to what is written there as JSON, beside the names, limits and units of both
            vectors and the objective's digest.

    Raises:
        ImportError: if onnx, onnxscript or onnxruntime is not installed.
        ValueError: if the file answers something else than the policy.
    """
    # Of an extra; asked for first, before anything takes its time.
    import onnxruntime
    import onnxscript  # noqa: F401

    module, seen = _Policy(learned).eval(), _seen(learned)
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module, (seen,), dynamo=True, verbose=False, input_names=[_INPUT],
                output_names=[_OUTPUT], dynamic_shapes=({0: torch.export.Dim("n")},),
            )  # fmt: skip
    finally:
        log.setLevel(level)
    assert program is not None
    features, action = learned.features, learned.action
    told = {
        "observation.names": features.names,
        "observation.angles": features.angles,
        "action.names": action.names,
        "action.low": action.low,
        "action.high": action.high,
        "action.discrete": action.discrete,
        "units": "SI: m, rad, s, kg, N, N m",
        "objective": learned.objective,
        **metadata,
    }
    program.model.metadata_props.update({name: json.dumps(value) for name, value in told.items()})
    data: bytes = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (answers,) = session.run([_OUTPUT], {_INPUT: seen.numpy()})
    with torch.no_grad():
        apart = (torch.from_numpy(answers) - module(seen)).abs()
    half = torch.tensor(action.upper - action.lower) / 2
    worst = float((apart / half).max())
    if not worst <= TOLERANCE:
        raise ValueError(
            f"the ONNX file's answers differ by {worst:.2g} of half the actions' range, "
            f"expected at most {TOLERANCE:g}"
        )
    return data


def _seen(learned: ActorCritic) -> Tensor:
    """Return observations ``(N, O)`` as they were seen, and from further away."""
    generator = torch.Generator().manual_seed(0)
    angles = list(learned.features.angle_indices)
    others = [i for i in range(learned.features.dim) if i not in angles]
    seen = torch.empty(_CHECKS, learned.features.dim, dtype=torch.float64)
    seen.uniform_(-math.pi, math.pi, generator=generator)
    noise = torch.randn(_CHECKS, len(others), generator=generator, dtype=torch.float64)
    # The first inputs are what is no angle.
    mean, std = learned.input_mean[: len(others)], learned.input_std[: len(others)]
    seen[:, others] = mean + _FAR * std * noise
    return seen
