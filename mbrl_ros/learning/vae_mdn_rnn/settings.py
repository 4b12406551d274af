"""Settings of the evolution of a controller."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class EvolutionSettings:
    """A linear controller, evolved in the dream for the present objective."""

    learn: bool = setting(
        False, "also evolve a controller for the objective, for the other agents than planner"
    )
    population: int = setting(32, "controllers in a generation of CMA-ES", low=4, high=1000)
    batch_size: int = setting(
        16, "dreams of each controller, which begin with states of the model's batch", low=1,
        high=65536,
    )  # fmt: skip
    imagined_steps: int = setting(50, "control steps of a dream", low=1, high=10_000)
    temperature: float = setting(
        1.15, "uncertainty of the dream; 0: what is likeliest, 1: as the model expects it, more: "
        "controllers cannot exploit its errors",
        low=0.0, high=10.0,
    )  # fmt: skip
    generations: float = setting(
        1.0, "generations per gradient step of the model, on average", low=0.001, high=100.0
    )
    deviation: float = setting(
        0.1, "of the controllers' weights around their mean, at first", low=1e-6, high=100.0
    )
    discount: float = setting(0.99, "weight of a reward one control step later", low=0.0, high=1.0)
    functions: list[str] = setting(
        [],
        "functions of your own (module:attribute) that the objective may consist of; the topic "
        "objective alone chooses no code",
    )
