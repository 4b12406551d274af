"""Work in processes of this machine and on a Ray cluster: the same results, and the same errors."""

import json
import operator
import pickle
import re
import sys
from types import SimpleNamespace

import pytest
from support import sliders

from mbrl_ros.cli.main import main
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.workers import workers
from mbrl_ros.evaluation.graduation.conditions import Conditions
from mbrl_ros.evaluation.graduation.stage import Stage
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.rehearsed_plants import read_standin


@pytest.fixture(scope="module")
def cluster():
    utils = pytest.importorskip("ray.cluster_utils")
    arguments = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80 * 2**20}
    made = utils.Cluster(initialize_head=True, head_node_args=arguments)
    yield made.address
    made.shutdown()


def check_work(jobs, address=""):
    with workers(jobs, address) as pool:
        assert [*pool.map(operator.add, range(20), range(20))] == [*range(0, 40, 2)]
        failing = pool.submit(int, "two")
        with pytest.raises(ValueError, match=r"^invalid literal for int") as raised:
            failing.result()
        assert "\n" not in str(raised.value)


@pytest.mark.process
def test_processes_do_it_and_say_what_failed():
    check_work(2)


def test_without_the_package_or_the_cluster_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"--ray: needs the package ray \(pip install"):
        workers(1, "auto").__enter__()


@pytest.mark.parametrize("port", ["", "70000", "0", "-1", "head"])
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_port_that_is_none_is_said_in_a_line(monkeypatch, scheme, port):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    expected = f"--ray {scheme}head:{port}: expected a port from 1 to 65535, got '{port}'"
    with pytest.raises(SettingsError, match=expected):
        workers(1, f"{scheme}head:{port}").__enter__()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1"])
def test_nobody_at_a_port_is_found_out_at_once(monkeypatch, address):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    with pytest.raises(SettingsError, match=f"--ray {re.escape(address)}: no such cluster: "):
        workers(1, address).__enter__()


@pytest.mark.process
def test_a_cluster_does_it_and_says_what_failed(cluster):
    check_work(1, cluster)
    with pytest.raises(SettingsError, match=r"--ray 127\.0\.0\.1:1: no such cluster: "):
        workers(1, "127.0.0.1:1").__enter__()


def made(folder):
    sliders.write(folder)
    standin = read_standin(str(folder / "standin.yaml"))
    task = read_task(str(folder / "sliders.yaml"))
    return Stage(task, sliders.model(), standin, interface, 50)


def test_what_is_played_may_travel(tmp_path):
    play = pickle.loads(pickle.dumps(made(tmp_path).play))
    here, there = (each(Conditions({"push": 0.2}, 1)) for each in (made(tmp_path).play, play))
    assert here.observations.tolist() == there.observations.tolist()


@pytest.mark.process
def test_a_graduation_on_a_cluster_comes_to_the_same(cluster, tmp_path, monkeypatch):
    pytest.importorskip("cmaes")
    monkeypatch.setenv("MUJOCO_GL", "disable")
    sliders.write(tmp_path)
    words = [
        "graduate", str(tmp_path / "sliders.yaml"), "--standin", str(tmp_path / "standin.yaml"),
        "--model", str(tmp_path / "model.safetensors"),
        "--settings", str(tmp_path / "settings.yaml"),
    ]  # fmt: skip
    told = []
    for name, where in (("here", ["--jobs", "1"]), ("there", ["--ray", cluster])):
        assert main([*words, *where, "--out", str(tmp_path / name)]) == 0
        told.append(json.loads((tmp_path / name / "graduation.json").read_text()))
    assert told[0]["episodes"] == told[1]["episodes"]
    assert [episode["kind"] for episode in told[1]["episodes"]].count("search") == 4


@pytest.mark.process
def test_curves_of_a_cluster_are_the_same(cluster, tmp_path):
    words = [
        *("bench", "learning", "--tasks", "inverted_pendulum", "--seeds", "0", "--points", "50"),
        *("--episodes", "1", "model.members:=2", "model.hidden:=[16]", "planner.horizon:=6"),
        *("optimizer.updates_per_transition:=1.0", "planner.candidates:=12"),
        *("planner.iterations:=1", "gate.first_transitions:=40", "gate.first_error:=10.0"),
    ]
    told = []
    for name, where in (("here", []), ("there", ["--ray", cluster])):
        file = tmp_path / f"{name}.json"
        assert main([*words, *where, "--out", str(tmp_path / name), "--json", str(file)]) == 0
        told.append(json.loads(file.read_text()))
    assert told[0] == told[1]
    assert len(told[0]) == 3
