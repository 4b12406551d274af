"""What the controller plans for changes while it runs: every way, and what is told of it."""

import hashlib
import json
import math
import random
import statistics
import time

import pytest
from support.waiting import PATIENCE, eventually

from mbrl_ros.ros import DurabilityPolicy, Parameter, QoSProfile, ReliabilityPolicy
from mbrl_ros.ros import interfaces as ri

from .test_system import QUICK, bag_messages, listener

__all__ = ["listener"]  # a fixture
EVERY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
# Not tuned, so that nothing but the objective changes.
SYSTEM = (*QUICK, "autotune:=false")
AT_50_HZ = (*SYSTEM, "task:=cartpole_swingup", "period:=0.02", "action_repeat:=2")


class Caller:
    """Asks for changes by every way."""

    def __init__(self, listener):
        self.listener, node = listener, listener.node
        self.goals = node.create_publisher(ri.Goal, "goal", EVERY)
        self.sequences = node.create_publisher(ri.GoalSequence, "goal_sequence", LATCHED)
        self.clients = {
            "set_parameters_atomically": ri.SetParametersAtomically,
            "set_objective": ri.SetObjective,
            "what_if": ri.WhatIf,
        }
        for name, kind in self.clients.items():
            client = node.create_client(kind, f"mpc_controller/{name}")
            assert client.wait_for_service(timeout_sec=PATIENCE)
            self.clients[name] = client
        self.told, self.plans = [], []
        node.create_subscription(ri.Objective, "objective", self.told.append, LATCHED)
        # The controller and the logger.
        eventually(lambda: self.goals.get_subscription_count() >= 2)

    def parameters(self, values):
        given = [Parameter(f"objective.{n}", value=v).to_parameter_msg() for n, v in values.items()]
        request = ri.SetParametersAtomically.Request(parameters=given)
        return self.clients["set_parameters_atomically"].call_async(request)

    def goal(self, names, values):
        self.goals.publish(ri.Goal(names=names, values=values))

    def set_objective(self, name="", text=""):
        return self.clients["set_objective"].call_async(
            ri.SetObjective.Request(name=name, yaml=text)
        )

    def what_if(self, **fields):
        return self.clients["what_if"].call_async(ri.WhatIf.Request(**fields))

    def status(self, condition=lambda message: True):
        """Return a status that was not heard before and fits."""
        self.listener.newest.pop("controller_status", None)
        return self.listener.hears("controller_status", condition)


def answer(future):
    eventually(future.done)
    return future.result()


def asked(caller, **fields):
    """Return the answer to a question, repeated between two episodes: there is no plan then."""
    given = []

    def planned():
        given.append(answer(caller.what_if(**fields)))
        return "there is no plan now" not in given[-1].message

    eventually(planned)
    return given[-1]


@pytest.fixture
def running(request, launch, listener):
    """A system that plans, and somebody who talks to it."""
    system = launch(*getattr(request, "param", SYSTEM))
    listener.hears("controller_status", lambda m: m.source == ri.Action.PLANNED)
    return system, Caller(listener)


def waypoint(position, **fields):
    return ri.Waypoint(
        names=["cart_position"], values=[position], **{"tolerances": [10.0], **fields}
    )


def test_every_way_changes_what_is_planned_for(running):
    system, caller = running
    status = caller.status()
    assert status.objective == "balance"
    assert status.changes_accepted == status.changes_refused == 0

    assert answer(caller.parameters({"active": "balance_left"})).result.successful
    assert caller.status().objective == "balance_left"
    for wrong, name in (
        ({"active": "balance", "upright.weight": math.nan}, "objective.upright.weight"),
        ({"upright.weight": 1.0, "active": "nowhere"}, "objective.active"),
    ):
        refused = answer(caller.parameters(wrong)).result
        assert not refused.successful
        assert name in refused.reason
    # The first of them was refused by its bounds already, and never asked for.
    status = caller.status()
    assert status.objective == "balance_left"
    assert (status.changes_accepted, status.changes_refused) == (1, 1)
    assert "objective.active" in status.refusal

    caller.goal(["cart_position"], [0.25])
    caller.status(lambda m: m.changes_accepted == 2)
    for names, values, reason in (
        (["cart_position"], [math.nan], "got nan"),
        (["cart_position"], [], "goal.values: expected one for each of 1 names, got 0"),
        ([], [], "goal.names: expected at least one"),
        (["cart_position"] * 2, [0.0, 0.0], "appears more than once"),
        (["nowhere"], [0.0], "unknown dimension 'nowhere'"),
        (["cart_position"], [1e308], "expected a number in"),
    ):
        caller.goal(names, values)
        caller.status(lambda m, r=reason: r in m.refusal)
    assert caller.status().changes_refused == 7

    # A sequence goes on by itself, and its last goal holds.
    goals = [waypoint(0.1), waypoint(-0.1, dwell=0.1), waypoint(0.2, timeout=60.0)]
    caller.sequences.publish(ri.GoalSequence(goals=goals))
    status = caller.status(lambda m: m.sequence == "reached")
    assert (status.sequence_index, status.sequence_length) == (2, 3)
    assert status.changes_accepted == 5
    caller.sequences.publish(ri.GoalSequence(goals=[waypoint(0.0), waypoint(0.0, dwell=-1.0)]))
    assert "goals[1].dwell" in caller.status(lambda m: m.changes_refused == 8).refusal
    # Out of reach: its time is over, and it stays what is aimed for.
    far = waypoint(0.3, tolerances=[1e-9], timeout=0.2)
    caller.sequences.publish(ri.GoalSequence(goals=[far, waypoint(0.0)]))
    assert caller.status(lambda m: m.sequence == "timed out").sequence_index == 0

    response = answer(caller.set_objective("balance_right"))
    assert response.success, response.message
    status = caller.status()
    assert (status.objective, status.objective_digest) == ("balance_right", response.digest)
    assert status.sequence == ""
    text = "terms: [still]\nstill: {type: quadratic, of: [cart_velocity], weight: 2.0}"
    response = answer(caller.set_objective("rest", text))
    assert response.success, response.message
    assert caller.status().objective == "rest"
    # It is a parameter like any other now.
    weight = "variants.rest.still.weight"
    assert answer(caller.parameters({weight: 3.0})).result.successful
    for name, given, reason in (
        ("nowhere", "", "got 'nowhere'"),
        ("", text, "name: expected a name for the objective"),
        ("a.b", text, "name: expected up to 64 letters"),
        ("rest", "terms: [still]\nstill: {type: 'os:system'}", "not from the network"),
        ("rest", "terms: [still]\nstill: {of: [nowhere]}", "unknown dimension 'nowhere'"),
        ("rest", "a: &a [*a]", "aliases"),
    ):
        response = answer(caller.set_objective(name, given))
        assert not response.success
        assert reason in response.message
        assert response.digest == caller.status().objective_digest
    assert caller.status().objective == "rest"

    _, err = system.end()
    assert (system.process.returncode, err) == (0, "")
    check_told(system.run_dir)


def test_what_if_answers_and_changes_nothing(running):
    system, caller = running
    before = caller.status()
    response = asked(caller, name="balance_left")
    assert response.success, response.message
    plan = response.plan
    assert plan.objective == "balance_left"
    assert plan.objective_digest != before.objective_digest
    assert list(plan.terms) == ["alive", "upright", "centered", "slow", "gentle"]
    assert len(plan.rewards) == len(plan.terms) * plan.horizon
    assert sum(plan.rewards) == pytest.approx(plan.expected_return, rel=0.2, abs=1.0)
    assert len(plan.candidate_actions) == plan.candidates * plan.horizon
    assert plan.candidates > 1
    assert len(plan.candidate_observations) == plan.candidates * len(plan.observations)
    assert sorted(plan.candidate_returns, reverse=True) == list(plan.candidate_returns)
    assert plan.candidate_returns[0] == plan.expected_return
    # With a goal, and with another objective altogether.
    aimed = asked(caller, names=["cart_position"], values=[0.3]).plan
    assert aimed.objective_digest not in (plan.objective_digest, before.objective_digest)
    text = "terms: [still]\nstill: {type: quadratic, of: [cart_velocity]}"
    response = asked(caller, name="rest", yaml=text)
    assert response.success, response.message
    assert list(response.plan.terms) == ["still"]
    for fields, reason in (
        ({"name": "nowhere"}, "got 'nowhere'"),
        ({"names": ["cart_position"], "values": [math.inf]}, "got inf"),
        ({"yaml": "{"}, "name: expected"),
    ):
        response = asked(caller, **fields)
        assert not response.success
        assert reason in response.message

    # More at once than it answers: the rest is told so, and nobody waits.
    def some():
        answers = [answer(f) for f in [caller.what_if(name="balance_left") for _ in range(10)]]
        told = ("questions wait already", "there is no plan now")
        assert all(a.success or any(t in a.message for t in told) for a in answers)
        return any(a.success for a in answers)

    eventually(some)
    status = caller.status()
    assert status.objective_digest == before.objective_digest
    assert status.changes_accepted == status.changes_refused == 0
    _, err = system.end()
    assert (system.process.returncode, err) == (0, "")


@pytest.mark.alone
@pytest.mark.parametrize("running", [AT_50_HZ], indirect=True, ids=["50 Hz"])
@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.learning)])
def test_each_plan_is_made_for_one_of_many_changes(running, count):
    system, caller = running
    rng, futures, sent = random.Random(0), [], {"valid": 0, "goals refused": 0}

    def changes(seconds):
        end = time.monotonic()
        for _ in range(round(100 * seconds)):
            futures.extend(change(caller, rng, sent))
            # A service keeps ten requests: a caller that was held up must not send more at once.
            eventually(lambda: sum(not future.done() for future in futures[-10:]) < 5)
            end = max(end + 0.01, time.monotonic())
            time.sleep(max(end - time.monotonic(), 0.0))
        eventually(lambda: all(future.done() for future in futures))

    # In turn, and their medians: what holds up this machine for a moment is not the changes.
    turns, seconds = 5, count / 500
    late = [(lateness(caller, time.sleep, seconds), lateness(caller, changes, seconds))
            for _ in range(turns)]  # fmt: skip
    quiet, busy = (statistics.median(share) for share in zip(*late, strict=True))
    print(f"late: {quiet:.4f} of the ticks in peace, {busy:.4f} with {count} changes: {late}")
    assert busy <= quiet + 0.02
    status = caller.status()
    answers = [future.result() for future in futures]
    answers = [getattr(a, "result", a) for a in answers]
    accepted = [getattr(a, "successful", getattr(a, "success", None)) for a in answers]
    assert accepted.count(True) + sent["valid"] == status.changes_accepted
    assert accepted.count(False) + sent["goals refused"] == status.changes_refused
    for a, well in zip(answers, accepted, strict=True):
        reason = getattr(a, "reason", getattr(a, "message", ""))
        assert well or "nowhere" in reason, reason
    _, err = system.end()
    assert (system.process.returncode, err) == (0, "")
    told = check_told(system.run_dir)
    assert len(told) == status.changes_accepted + 1
    terms = [json.loads(message.content)["terms"] for message in told]
    weights = [(t["upright"]["weight"], t["small_velocity"]["weight"]) for t in terms]
    changed = [both for both in weights if both != weights[0]]
    # Both were set together, always.
    assert len(changed) > count / 3
    assert all(upright == pytest.approx(10 * other) for upright, other in changed)


def lateness(caller, during, seconds):
    """Return the share of ticks that were late during something that takes so long."""
    before = caller.status()
    during(seconds)
    after = caller.status()
    return (after.ticks_late - before.ticks_late) / (after.ticks - before.ticks)


def change(caller, rng, sent):
    """Ask for something, or for something that cannot be; returns what will be answered."""
    kind = rng.randrange(6)
    weight = rng.uniform(1.0, 10.0)
    both = {"upright.weight": weight, "small_velocity.weight": weight / 10}
    if kind == 0:
        return [caller.parameters(both)]
    if kind == 1:
        return [caller.parameters({**both, "active": "nowhere"})]
    if kind == 2:
        return [caller.set_objective(rng.choice(["swingup", "balance_left", "balance_right"]))]
    if kind == 3:
        return [caller.set_objective("nowhere")]
    if kind == 4:
        sent["valid"] += 1
        caller.goal(["cart_position"], [rng.uniform(-0.5, 0.5)])
    else:
        sent["goals refused"] += 1
        caller.goal(["cart_position"], [rng.choice([math.nan, math.inf, 1e9])])
    return []


def check_told(run_dir):
    """Check that the bag tells of every action what it was planned for; return all changes."""
    told = bag_messages(run_dir, "Objective")
    assert told[0].way == "start"
    for message in told:
        hashed = hashlib.sha256(message.content.encode()).hexdigest()
        assert hashed.startswith(message.digest)
        assert len(message.digest) == 16
    acted = [m for m in told if m.acted]
    moments = [(m.episode, m.step) for m in acted]
    assert moments == sorted(moments)
    planned = {
        (a.episode, a.step): a.objective
        for a in bag_messages(run_dir, "Action")
        if a.source <= ri.Action.TRUNCATED
    }
    assert len(planned) > 50
    holds = iter([*zip(moments, (m.digest for m in acted), strict=True), ((math.inf, 0), "")])
    (_, digest), (until, next_observation) = next(holds), next(holds)
    for moment in sorted(planned):
        while moment >= until:
            digest = next_observation
            until, next_observation = next(holds)
        assert planned[moment] == digest, moment
    return told
