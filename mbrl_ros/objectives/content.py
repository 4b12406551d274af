"""Reading of an objective that another process has told."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.document import LONGEST
from mbrl_ros.objectives.objective import Objective


def read_content(
    content: str,
    digest: str,
    observation: Space,
    action: Space,
    period: float,
    functions: Collection[str] = (),
) -> Objective:
    """Return the objective of a `Objective.content`, as the topic ``objective`` carries it.

    Args:
        content: as told.
        digest: as told with it.
        observation: O dimensions.
        action: A dimensions.
        period: of control [s].
        functions: user-defined terms, as ``module:attribute``, that it may consist of: what comes
            over the network chooses no code.

    Raises:
        ValueError: naming what does not fit.
    """
    if len(content) > LONGEST:
        raise ValueError(f"objective: expected at most {LONGEST} characters, got {len(content)}")
    try:
        told = json.loads(content)
        terms: dict[str, dict[str, Any]] = told["terms"]
        values = {key: told[key] for key in ("combine", "caution")}
        values |= {key: told[key] for key in ("tail",) if key in told}
        values["terms"] = list(terms)
        for name, fields in terms.items():
            own = {field: value for field, value in fields.items() if field != "source"}
            values |= {f"{name}.{field}": value for field, value in own.items()}
            kind = str(own["type"])
            if ":" in kind and kind not in functions:
                raise ValueError(
                    f"objective: '{name}' is a function ({kind}): expected it among the parameter "
                    "policy.functions"
                )
        goal = dict(told["goal"])
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"objective: {type(error).__name__}: {error}") from None
    made = Objective.from_parameters(values, observation, action, period)
    made = made.with_goal(goal) if goal else made
    if made.digest != digest:
        raise ValueError(
            f"objective: expected the digest {digest}, got {made.digest}: are spaces, period and "
            "functions the same here?"
        )
    return made
