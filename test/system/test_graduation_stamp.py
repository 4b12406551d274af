"""A robot that must have graduated is not started with anything else; each refusal says why."""

import json
import re

import pytest
from support import sliders

from mbrl_ros.cli.main import main
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.models.checkpoint import CheckpointError, load_expected
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.graduation_stamp import file_digest, make_stamp, sign
from mbrl_ros.system.launch_kinds import ROBOT
from mbrl_ros.system.launching import plan

pytestmark = pytest.mark.unit


def write_keys(folder, name):
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    from cryptography.hazmat.primitives import serialization

    key = ed25519.Ed25519PrivateKey.generate()
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none)
    (folder / f"{name}.key").write_bytes(private)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / f"{name}.pub").write_bytes(key.public_key().public_bytes(pem, form))


@pytest.fixture
def folder(tmp_path):
    """A robot, a model, and the stamp that it has graduated."""
    sliders.write(tmp_path)
    write_stamp(tmp_path)
    return tmp_path


def write_stamp(folder, key=None, passed=True, **parameters):
    configuration = read_task(str(folder / "sliders.yaml"), parameters)
    stamp = make_stamp(configuration, file_digest(folder / "model.safetensors"), passed)
    told = {"stamp": stamp, "seal": sign(stamp, key and folder / f"{key}.key")}
    (folder / "graduation.json").write_text(json.dumps(told))


def launched(folder, **given):
    given = {
        "task": str(folder / "sliders.yaml"),
        "run_dir": str(folder / "run"),
        "model": str(folder / "model.safetensors"),
        "require_graduation": str(folder / "graduation.json"),
        **given,
    }
    return plan(ROBOT, given)


def refused(folder, **given):
    with pytest.raises(SettingsError) as refusal:
        launched(folder, **given)
    return str(refusal.value)


def test_what_graduated_is_started_without_a_trainer(folder):
    system = launched(folder, seed="5")
    assert "model_trainer" not in system.kind.nodes
    assert sorted(system.kind.stopping) == sorted(system.kind.nodes)
    assert system.kind.stopping[-2:] == ("robot_bridge", "data_logger")
    own = system.configuration.node("mpc_controller")
    assert own["model_file"] == str(folder / "model.safetensors")
    load_expected(folder / "model.safetensors", own["model_sha256"])


def test_a_model_that_was_tampered_with_is_refused(folder):
    digest = launched(folder).configuration.node("mpc_controller")["model_sha256"]
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert re.search("another model graduated: expected SHA-256 .*, got .*", refused(folder))
    # And again by the controller, were it changed after the launch has looked.
    with pytest.raises(CheckpointError, match="another model"):
        load_expected(file, digest)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"planner.horizon": "13"}, "mpc_controller.planner.horizon: expected 12, got 13"),
        ({"action.high": "[2.0, 2.0]"}, "action.high: expected [1.0, 1.0], got [2.0, 2.0]"),
        (
            {"latency_compensation": "false"},
            "mpc_controller.latency_compensation: expected 'its default', got False",
        ),
        ({"limits.margin": "[0.1]"}, "limits.margin: expected 'its default', got [0.1]"),
        ({"guard": "false"}, "guard: expected true with require_graduation, got false"),
        ({"model": ""}, "require_graduation: expected model:=FILE too"),
        ({"model": "nothing"}, "model: expected a checkpoint"),
        ({"require_graduation": "nothing"}, "nothing: No such file or directory"),
        ({"graduation_key": "nothing"}, "nothing: No such file or directory"),
        ({"require_graduation": "", "graduation_key": "a"}, "expected require_graduation:="),
    ],
)
def test_another_configuration_or_none_is_refused_by_name(folder, given, reason):
    assert reason in refused(folder, **given)


def test_another_mapping_of_joints_is_refused(folder):
    file = folder / "sliders.yaml"
    swapped = "[40 * push_right, 40 * push_left]"
    text = file.read_text().replace("[40 * push_left, 40 * push_right]", swapped)
    file.write_text(text)
    assert "robot_bridge.effort.send: expected ['data = [40 * push_left" in refused(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda told: told["stamp"].update(passed=False), "the stamp was changed"),
        (lambda told: told["stamp"]["configuration"].update(period=0.1), "the stamp was changed"),
        (lambda told: told.pop("seal"), "expected the stamp of a graduation, got none"),
        (lambda told: told.update(stamp=3), "expected the stamp of a graduation, got none"),
    ],
)
def test_a_stamp_that_was_changed_is_refused(folder, change, reason):
    file = folder / "graduation.json"
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))
    assert reason in refused(folder)


def test_a_failed_graduation_and_other_versions_are_refused(folder, monkeypatch):
    write_stamp(folder, passed=False)
    assert "it did not pass" in refused(folder)
    write_stamp(folder)
    name = "mbrl_ros.system.graduation_stamp.versions_in_use"
    monkeypatch.setattr(name, lambda: {"mbrl_ros": "9.9"})
    assert "and 9.9 is installed" in refused(folder)


def test_a_signature_must_be_of_the_key_that_is_asked_for(folder):
    write_keys(folder, "ours")
    write_keys(folder, "theirs")
    key = {"graduation_key": str(folder / "ours.pub")}
    assert "expected a signature" in refused(folder, **key)
    write_stamp(folder, "theirs")
    assert "not signed with the key of" in refused(folder, **key)
    write_stamp(folder, "ours")
    assert launched(folder, **key)
    assert "expected an Ed25519 public key" in refused(
        folder, graduation_key=str(folder / "ours.key")
    )
    with pytest.raises(SettingsError, match="expected an Ed25519 private key"):
        sign({}, folder / "ours.pub")


def test_nothing_is_started_then(folder, capsys):
    words = [f"task:={folder / 'sliders.yaml'}", f"run_dir:={folder / 'run'}"]
    words += [f"model:={folder / 'model.safetensors'}", f"require_graduation:={folder / 'none'}"]
    assert main(["launch", "robot", *words]) == 2
    assert re.fullmatch(r"error: require_graduation: [^\n]*\n", capsys.readouterr().err)
    assert not (folder / "run").exists()
