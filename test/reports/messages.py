"""Messages of a run, with fields that no report is about filled in."""

import math

import numpy as np
from support import messages
from support.messages import header


def make(kind, **fields):
    fields.setdefault("header", header())
    return messages.make(f"mbrl_ros/msg/{kind}", **fields)


def observation(episode, step, reward=1.0, ended=False):
    return make(
        "Observation",
        episode=episode,
        step=step,
        values=np.zeros(2),
        action=np.zeros(1 if step else 0),
        action_step=step - 1,
        reward=reward if step else math.nan,
        terminated=False,
        truncated=ended,
    )


def action(step=0, source=0, plan_time=0.02, sent=0.0):
    return make(
        "Action",
        header=header(sent),
        episode=0,
        step=step,
        values=np.zeros(1),
        source=source,
        state_age=0.0,
        plan_time=plan_time,
        interval=0.04,
        objective="",
        model_sequence=1,
    )


def controller_status(ticks, late=0, sources=(0, 0, 0, 0, 0, 0), state="active", model=(0, 0)):
    return make(
        "ControllerStatus",
        state=state,
        source=0,
        reason="",
        ticks=ticks,
        ticks_late=late,
        sources=np.array(sources, dtype=np.uint64),
        planner="icem",
        plan_time_p50=0.02,
        plan_time_p99=0.03,
        budget=0.034,
        delay_steps=1,
        trust="full",
        one_step_z=1.1,
        open_loop_z=1.3,
        correction=0.01,
        model_epoch=model[0],
        model_sequence=model[1],
        expected_return=0.0,
        estopped=False,
        model_held=False,
        objective="swingup",
        objective_digest="",
        policy_objective="",
        changes_accepted=0,
        changes_refused=0,
        refusal="",
        sequence="",
        sequence_index=0,
        sequence_length=0,
    )


def training_status(transitions, epoch=1, sequence=0, error=0.1, gate=""):
    return make(
        "TrainingStatus",
        transitions=transitions,
        left_out=0,
        holdout=0,
        updates=0,
        train_loss=0.0,
        one_step_error=error,
        holdout_error=error,
        epoch=epoch,
        sequence=sequence,
        gate=gate,
        updates_per_second=0.0,
    )


def transition(index, episode=0, step=None):
    step = index if step is None else step
    return make(
        "Transition",
        index=index,
        episode=episode,
        step=step,
        observation=np.array([math.sin(0.1 * step), math.cos(0.1 * step)]),
        action=np.array([0.1]),
        next_observation=np.array([math.sin(0.1 * (step + 1)), math.cos(0.1 * (step + 1))]),
        reward=1.0,
        terminated=False,
        truncated=False,
        previous_action=np.array([0.1]),
        source=1,
    )


def topic(kind):
    return messages.topic(f"/{kind.lower()}", f"mbrl_ros/msg/{kind}")


def kind_of(message):
    return message.__msgtype__.rpartition("/")[2]
