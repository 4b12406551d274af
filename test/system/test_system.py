"""The whole system: processes, topics, files, signals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from support.events import read_scalars
from support.waiting import PATIENCE, eventually

from mbrl_ros.data.bags import read_messages
from mbrl_ros.ros import RUNTIME, Context, Node, SingleThreadedExecutor
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.launch_kinds import SIM

from .conftest import ROOT

# Little to plan and to learn, so that two busy cores do; as fast as a model comes about.
QUICK = (
    "sim",
    "task:=inverted_pendulum",
    "duration:=0",
    "planner.horizon:=8",
    "planner.candidates:=16",
    "model.hidden:=[32, 32]",
    "model.members:=2",
    "gate.first_transitions:=40",
    "gate.first_error:=100.0",
    "gate.good_error:=100.0",
    "optimizer.updates_per_transition:=0.5",
)


class Listener:
    """Hears what the system says, on a thread."""

    def __init__(self):
        self._context = Context()
        self._context.init(args=[])
        self.node = Node("listener", context=self._context)
        self.newest = {}
        for topic, kind in (
            ("observation", ri.Observation),
            ("action", ri.Action),
            ("transition", ri.Transition),
            ("training_status", ri.TrainingStatus),
            ("controller_status", ri.ControllerStatus),
        ):
            self._hear(topic, kind)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _hear(self, topic, kind):
        self.node.create_subscription(kind, topic, lambda m: self.newest.update({topic: m}), 100)

    def _spin(self):
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self.node)
        while not self._over.is_set():
            executor.spin_once(timeout_sec=0.05)
        executor.shutdown()

    def forget(self):
        self.newest.clear()

    def hears(self, topic, condition=lambda message: True):
        return eventually(
            lambda: self.newest.get(topic) if condition_of(self.newest, topic, condition) else None
        )

    def call(self, kind, name, request):
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(timeout_sec=PATIENCE)
        future = client.call_async(request)
        eventually(future.done)
        return future.result()

    def close(self):
        self._over.set()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()


def condition_of(newest, topic, condition):
    message = newest.get(topic)
    return message is not None and condition(message)


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


def set_parameter(listener, name, value):
    kind = ri.interface("rcl_interfaces/msg/ParameterValue")
    given = (
        kind(type=2, integer_value=value)
        if isinstance(value, int)
        else kind(type=4, string_value=value)
    )
    parameter = ri.interface("rcl_interfaces/msg/Parameter")(name=name, value=given)
    request = ri.SetParameters.Request(parameters=[parameter])
    return listener.call(ri.SetParameters, "/mpc_controller/set_parameters", request).results[0]


def bag_messages(run_dir, kind):
    return [m.message for m in read_messages(run_dir / "bag", types=[f"mbrl_ros/msg/{kind}"])]


def test_it_learns_and_any_node_may_be_killed(launch, listener):
    system = launch(*QUICK)
    status = listener.hears("controller_status", lambda m: m.model_sequence >= 2)
    assert status.state == "active"
    listener.hears("action", lambda m: m.model_sequence > 0)

    # Parameters change while it runs, or are refused.
    assert set_parameter(listener, "planner.candidates", 20).successful
    refused = set_parameter(listener, "planner.candidates", 0)
    assert not refused.successful
    assert "planner.candidates" in refused.reason

    # The domain is taken, as another launcher finds out.
    second = launch(*QUICK)
    _, err = second.process.communicate(timeout=PATIENCE)
    assert second.process.returncode == 2
    assert re.fullmatch(r"error: ROS_DOMAIN_ID \d+ is in use: [^\n]*\n", err)
    assert not second.run_dir.exists()

    nodes = system.nodes
    assert sorted(nodes) == sorted(SIM.nodes)
    trainer = listener.hears("training_status", lambda m: m.sequence >= 2)
    before = listener.newest["transition"]
    # Of a clock that was ahead then: what is learned after it must count as newer still.
    ahead = trainer.epoch + 10**7
    newest = max((system.run_dir / "checkpoints").glob("model-*.safetensors"))
    shutil.copy(newest, newest.with_name(f"model-{ahead}-000001.safetensors"))
    for name in SIM.nodes:
        os.kill(nodes[name], signal.SIGKILL)
        eventually(lambda name=name: system.nodes.get(name, nodes[name]) != nodes[name])
        listener.forget()
        if name == "model_trainer":
            # It goes on with all that it had seen, and its models count as newer.
            later = listener.hears("training_status", lambda m: m.sequence > 0)
            assert later.epoch > ahead
            assert later.transitions >= trainer.transitions
        elif name == "data_logger":
            assert listener.hears("transition").index > before.index
        elif name == "mujoco_sim":
            listener.hears("observation", lambda m: m.episode == 0)
        # The latched model is there for a new controller.
        listener.hears("action", lambda m: m.model_sequence > 0)
    listener.hears("controller_status", lambda m: m.model_epoch > ahead)

    out, err = system.end()
    assert (system.process.returncode, err) == (0, "")
    assert system.nodes == {}
    assert len(re.findall(r"ended \(killed by SIGKILL\)", out)) == len(SIM.nodes)
    check_files(system.run_dir)


@pytest.mark.alone
def test_planners_are_switched_and_tuned_while_it_runs(launch, listener):
    system = launch(*QUICK, "autotune:=false")
    status = listener.hears("controller_status", lambda m: m.source == ri.Action.PLANNED)
    assert status.planner.startswith("icem: 16 candidates x 3")
    for kind in ("ilqr", "mppi", "random_shooting"):
        assert set_parameter(listener, "planner.type", kind).successful
        switched = listener.hears("controller_status", lambda m, k=kind: m.planner.startswith(k))
        # Not just the newest one: that may be the end of an episode, where there is no plan.
        listener.hears(
            "controller_status",
            lambda m, t=switched.ticks: (
                m.ticks > t + 20 and (m.source, m.reason) == (ri.Action.PLANNED, "")
            ),
        )
    refused = set_parameter(listener, "planner.type", "divination")
    assert not refused.successful
    assert "planner.type" in refused.reason
    assert "divination" in refused.reason

    # Back to the model before, which stays while others are learned.
    newest = listener.hears("controller_status", lambda m: m.model_sequence >= 2)
    answer = listener.call(ri.Trigger, "/mpc_controller/rollback", ri.Trigger.Request())
    assert answer.success, answer.message
    held = listener.hears("controller_status", lambda m: m.model_held)
    listener.hears("training_status", lambda m: m.sequence > newest.model_sequence + 2)
    listener.forget()
    status = listener.hears("controller_status")
    assert status.model_held
    assert status.model_sequence == held.model_sequence
    name = "/mpc_controller/use_newest_model"
    assert listener.call(ri.Trigger, name, ri.Trigger.Request()).success
    listener.hears("controller_status", lambda m: m.model_sequence > newest.model_sequence + 2)

    # Far too much for the period: every observation is answered all the same.
    for name, value in (("type", "icem"), ("iterations", 100), ("horizon", 100)):
        assert set_parameter(listener, f"planner.{name}", value).successful
    late = listener.newest["controller_status"]
    listener.hears("controller_status", lambda m: m.ticks > late.ticks + 60)
    sources = listener.newest["controller_status"].sources
    truncated = sources[ri.Action.TRUNCATED] - late.sources[ri.Action.TRUNCATED]
    reused = sources[ri.Action.REUSED] - late.sources[ri.Action.REUSED]
    assert truncated + reused > 40

    # Autotune finds what fits.
    answer = listener.call(ri.Trigger, "/mpc_controller/autotune", ri.Trigger.Request())
    assert answer.success, answer.message
    listener.hears("controller_status", lambda m: " x 100," not in m.planner)
    out, err = system.end()
    assert (system.process.returncode, err) == (0, "")
    assert re.search(r"autotune: \d+ candidates x \d+ iterations, .* fit into [\d.]+ ms", out)


def check_files(run_dir):
    summary = json.loads((run_dir / "summary.json").read_text())
    transitions = bag_messages(run_dir, "Transition")
    assert [t.index for t in transitions] == list(range(len(transitions)))
    assert summary["transitions_logged"] == len(transitions)
    assert summary["transitions_trained"] == len(transitions)
    assert bag_messages(run_dir, "GuardStatus")[-1].passed > 0
    assert bag_messages(run_dir, "TrainingStatus")[-1].transitions == len(transitions)
    assert summary["task"] == "inverted_pendulum"
    assert summary["runtime"] == RUNTIME
    assert summary["models_published"] >= 4
    assert summary["ticks"] >= sum(summary["sources"].values()) > 0
    assert summary["sources"]["PLANNED"] + summary["sources"]["TRUNCATED"] > 0
    assert summary["episode_returns"]
    assert summary["env_steps"] > 0
    assert summary["notes"] == []
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["transitions_logged"] == len(transitions)
    assert lines[-1]["ticks"] >= lines[0]["ticks"]
    check_curves(read_scalars(run_dir / "tensorboard"), summary, lines[-1]["env_steps"])
    assert (run_dir / "report.png").stat().st_size > 10_000
    assert not list(run_dir.rglob("*.partial"))
    report = subprocess.run(
        [sys.executable, "-m", "mbrl_ros.cli", "report", str(run_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert report.returncode == 0, report.stderr
    assert json.loads((run_dir / "summary.json").read_text()) == summary
    # The trainer's own state goes with its newest model.
    assert list((run_dir / "checkpoints").glob("learner-*.safetensors"))


def check_curves(curves, summary, env_steps):
    # Of processes that come and go, the monitor and the bag may have missed different messages.
    assert curves["episode/return"]
    assert 0 < curves["control/ticks"][-1][1] <= summary["ticks"]
    assert 0 < curves["data/transitions"][-1][1] <= summary["transitions_trained"]
    assert 0 < curves["gate/models_published"][-1][1] <= summary["models_published"]
    for tag in ("train/loss", "holdout/one_step_error", "control/plan_time_p99"):
        steps = [step for step, _ in curves[tag]]
        assert len(steps) > 2
        assert steps == sorted(steps)
        # As the monitor, whose curves these are, has counted them.
        assert 0 < steps[-1] <= env_steps


def test_the_trainer_goes_on_with_a_log_that_begins_anew(launch, listener):
    system = launch(*QUICK, "record:=false")
    trained = listener.hears("training_status", lambda m: m.transitions > 100)
    # It does not hear the first transitions of the new log.
    os.kill(system.nodes["model_trainer"], signal.SIGSTOP)
    before = system.nodes["data_logger"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: system.nodes.get("data_logger", before) != before)
    listener.hears("transition", lambda m: 0 < m.index < 80)
    os.kill(system.nodes["model_trainer"], signal.SIGCONT)
    assert listener.hears("training_status", lambda m: m.transitions > trained.transitions + 100)


def test_nothing_outlives_a_launcher_that_is_killed(launch):
    system = launch(*QUICK)
    eventually(lambda: len(system.nodes) == len(SIM.nodes))
    eventually(lambda: (system.run_dir / "bag").is_dir() and list(system.run_dir.glob("bag/*")))
    system.process.kill()
    eventually(lambda: not system.nodes)
    # A report of what is left, and the domain is free again.
    again = subprocess.run(
        [sys.executable, "-m", "mbrl_ros.cli", "report", str(system.run_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stderr
    assert "no episode was completed" in again.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_can_be_stopped_while_it_starts(launch, number):
    system = launch(*QUICK, "view:=none")
    eventually(lambda: system.nodes)
    _, err = system.end(number)
    assert (system.process.returncode, err) == (0, "")
    assert system.nodes == {}
    assert (system.run_dir / "summary.json").exists()


def test_the_end_of_the_duration_even_if_nobody_reads_what_is_written(launch):
    reading, writing = os.pipe()
    system = launch(*QUICK, "duration:=3", stdout=writing)
    os.close(writing)
    os.close(reading)
    _, error = system.process.communicate(timeout=PATIENCE)
    # On a slow computer the time is over before the plant runs.
    assert re.fullmatch("(error: mujoco_sim told nothing within 3 s: [^\n]*\n)?", error)
    assert system.process.returncode == int(bool(error))
    assert system.nodes == {}
    assert json.loads((system.run_dir / "summary.json").read_text())["wall_seconds"] >= 0


def test_an_unsupported_environment_is_refused_in_one_line(launch):
    system = launch(*QUICK, "mujoco_sim.environment:=Blackjack-v1", "mujoco_sim.time_step:=0.04")
    _, err = system.process.communicate(timeout=PATIENCE)
    assert system.process.returncode == 2
    assert re.fullmatch(r"error: mujoco_sim: [^\n]*Blackjack-v1[^\n]*\n", err), err
    assert system.nodes == {}
    # The next attempt may have the same folder.
    assert not system.run_dir.exists()


def test_a_node_of_somebody_else_is_in_the_way(launch):
    context = Context()
    context.init(args=[])
    node = Node("mujoco_sim", context=context)
    try:
        system = launch(*QUICK)
        _, err = system.process.communicate(timeout=PATIENCE)
        assert system.process.returncode == 2
        assert re.fullmatch(r"error: ROS_DOMAIN_ID \d+ is in use: mujoco_sim [^\n]*\n", err)
        assert not system.run_dir.exists()
    finally:
        node.destroy_node()
        context.try_shutdown()
