import hashlib
import json
import pickle
import resource
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from support.systems import ACTION, WITH_ANGLES, random_model, random_process

from mbrl_ros.models.checkpoint import load, save
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.models.update import MODEL, CheckpointError, ModelPart, ModelUpdate

PACKED = pack(random_model(WITH_ANGLES))
WEIGHTS = PACKED.parts[MODEL].weights
STATE = safetensors.torch.load(WEIGHTS)
SETTINGS = json.loads(PACKED.settings)


def part(weights):
    """Return a part whose hash is right, whatever else is wrong."""
    return ModelPart(weights, hashlib.sha256(weights).hexdigest())


def packed(settings=PACKED.settings, weights=WEIGHTS, kind=PACKED.kind):
    """Return a packed model whose hash is right, whatever else is wrong."""
    return ModelUpdate(kind, settings, {MODEL: part(weights)})


def with_state(**changes):
    """Return a packed model with other tensors; None leaves one out."""
    state = {name: t for name, t in {**STATE, **changes}.items() if t is not None}
    return packed(weights=safetensors.torch.save(state))


def with_description(**changes):
    """Return a packed model that says something else of itself."""
    return packed(json.dumps({**SETTINGS, **changes}))


def with_settings(**changes):
    return with_description(settings={**SETTINGS["settings"], **changes})


def test_a_model_is_the_same_after_its_journey():
    model = random_model(WITH_ANGLES, seed=5)
    model.high[0] = 12.0
    arrived = unpack(pack(model))
    assert (arrived.observation, arrived.action) == (WITH_ANGLES, ACTION)
    assert arrived.settings == model.settings
    states, actions = torch.randn(3, 9, 4), torch.randn(3, 9, 1)
    for mine, theirs in zip(
        model.predict(states, actions), arrived.predict(states, actions), strict=True
    ):
        torch.testing.assert_close(theirs, mine, atol=0, rtol=0)
    assert not any(p.requires_grad for p in arrived.parameters())


def test_packing_takes_a_copy():
    model = random_model(WITH_ANGLES)
    sent = pack(model)
    model.network.weights[0].data.zero_()
    assert unpack(sent).network.weights[0].abs().sum() > 0


def refused(damaged, message):
    with pytest.raises(CheckpointError, match=message) as refusal:
        unpack(damaged)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_weights_that_do_not_match_their_hash_are_refused():
    flipped = bytearray(WEIGHTS)
    flipped[-1] ^= 1
    right = PACKED.parts[MODEL].sha256
    for weights, sha256, message in (
        (bytes(flipped), right, "model weights: expected SHA-256"),
        (WEIGHTS[:-1], right, "model weights: expected SHA-256"),
        (WEIGHTS, "", r"model weights: expected SHA-256 \(none\)"),
    ):
        refused(replace(PACKED, parts={MODEL: ModelPart(weights, sha256)}), message)


HEADS = pack(random_model(reward_model=True, inverses=True))


def test_what_is_learned_beside_the_dynamics_travels_in_parts_of_its_own():
    assert set(HEADS.parts) == {MODEL, "reward_model", "inverses"}
    heads = unpack(HEADS)
    without = replace(HEADS, parts={MODEL: HEADS.parts[MODEL]})
    for name in ("reward_model", "inverses"):
        state = safetensors.torch.load(HEADS.parts[name].weights)
        found = getattr(heads, name).state_dict()
        assert state.keys() == found.keys()
        assert all(torch.equal(tensor, found[key]) for key, tensor in state.items())
        damaged = ModelPart(HEADS.parts[name].weights[:-1], HEADS.parts[name].sha256)
        refused(
            replace(HEADS, parts={**HEADS.parts, name: damaged}),
            f"{name} weights: expected SHA-256",
        )
        no_tensors = {**HEADS.parts, name: part(b"no tensors")}
        refused(replace(HEADS, parts=no_tensors), f"{name} weights: not safetensors")
        rest = {other: kept for other, kept in HEADS.parts.items() if other != name}
        refused(replace(HEADS, parts=rest), rf"tensor '{name}\.\S+' is missing or unknown")
        # One that the settings say nothing of is not taken up either.
        more = {**PACKED.parts, name: HEADS.parts[name]}
        refused(replace(PACKED, parts=more), rf"tensor '{name}\.\S+' is missing or unknown")
    refused(without, "is missing or unknown")
    refused(replace(HEADS, parts={}), "^model ")


@pytest.mark.parametrize(
    "kind", ["", "transformer", "nowhere:KIND", "json:loads", "mbrl_ros.models.update:MODEL", ":"]
)
def test_an_unknown_kind_is_refused(kind):
    refused(packed(kind=kind), f"^model settings: expected a kind of one-step model, got '{kind}'")


def test_a_kind_that_names_code_is_not_executed(tmp_path):
    code, path = tmp_path / "kind.py", tmp_path / "model.safetensors"
    code.write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()", encoding="utf-8")
    save(packed(kind=f"{code}:KIND"), path)
    for received in (packed(kind=f"{code}:KIND"), load(path)):
        refused(received, "^model settings: expected a kind of one-step model")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\x00" * 100,
        WEIGHTS[: len(WEIGHTS) // 2],
        WEIGHTS[:-4],
        WEIGHTS + b"more",
        b"\xff" * 8 + WEIGHTS[8:],
        pickle.dumps({"network.weights.0": [1.0]}),
    ],
    ids=["empty", "zeros", "half", "truncated", "longer", "huge_header", "pickle"],
)
def test_what_is_not_safetensors_is_refused(weights):
    refused(packed(weights=weights), "not safetensors")


def test_a_pickle_is_not_executed(tmp_path):
    marker = tmp_path / "executed"

    class Evil:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    refused(packed(weights=pickle.dumps(Evil())), "not safetensors")
    path = tmp_path / "model.safetensors"
    torch.save({"weights": Evil()}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        load(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network.biases.1": None}, "tensor 'network.biases.1' is missing or unknown"),
        ({"extra": torch.ones(1)}, "tensor 'extra' is missing or unknown"),
        ({"input_mean": torch.ones(3)}, r"'input_mean': expected shape \(7,\), got \(3,\)"),
        ({"network.weights.0": torch.ones(1, 7, 16)}, r"expected shape \(3, 7, 16\), got \(1, 7"),
        (
            {"target_mean": torch.tensor([0, torch.nan, 0, 0])},
            "'target_mean' holds a number that is",
        ),
        ({"low": torch.full((4,), torch.nan)}, "'low' holds a number that is not finite"),
        (
            {"network.biases.0": torch.full((3, 1, 16), torch.inf)},
            "'network.biases.0' holds a number that is not finite",
        ),
        ({"input_std": torch.zeros(7)}, "'input_std' holds a deviation that is not positive"),
        ({"target_std": -torch.ones(4)}, "'target_std' holds a deviation that is not positive"),
        (
            {"target_mean": torch.full((4,), 1e300, dtype=torch.float64)},
            "expected float32, got torch.float64",
        ),
        ({"target_mean": torch.ones(4, dtype=torch.int64)}, "expected float32, got torch.int64"),
        ({"target_mean": torch.ones(4, dtype=torch.complex64)}, "expected float32"),
    ],
)
def test_weights_that_do_not_fit_the_settings_are_refused(changes, message):
    refused(with_state(**changes), message)


@pytest.mark.parametrize(
    "settings",
    ["", "{", "null", "3", '"text"', "[]", "[1]", "{}", "\x00", "[" * 100_000, '{"type": NaN}'],
)
def test_settings_that_are_no_json_object_are_refused(settings):
    refused(packed(settings), "^model settings: ")


SPACE = SETTINGS["observation"]


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {**SETTINGS["settings"], "likelihood": "transformer"}},
        {"settings": {**SETTINGS["settings"], "likelihood": None}},
        {"settings": {**SETTINGS["settings"], "ignored": ["nobody"]}},
        {"settings": {**SETTINGS["settings"], "history": 10**9}},
        {"observation": None},
        {"observation": []},
        {"observation": {"names": ["a"]}},
        {"observation": {**SPACE, "names": "abcd"}},
        {"observation": {**SPACE, "names": [1, 2, 3, 4]}},
        {"observation": {**SPACE, "names": []}},
        {"observation": {**SPACE, "names": ["a", "a", "b", "c"]}},
        {"observation": {**SPACE, "low": ["x"] * 4}},
        {"observation": {**SPACE, "low": [None] * 4}},
        {"observation": {**SPACE, "low": [10**400] * 4}},
        {"observation": {**SPACE, "low": 7}},
        {"observation": {**SPACE, "angles": 7}},
        {"observation": {**SPACE, "angles": ["elbow"]}},
        {"observation": {**SPACE, "more": 1}},
        {"action": 5},
        {"settings": None},
        {"settings": 5},
        {"settings": ["members", "hidden"]},
        {"settings": {"members": "3"}},
        {"settings": {"members": 0}},
        {"settings": {"members": 1e400}},
        {"settings": {"hidden": 16}},
        {"settings": {"hidden": [16.5]}},
        {"settings": {"hidden": [0]}},
        {"settings": {"surprise": 1}},
    ],
    ids=str,
)
def test_settings_of_wrong_types_are_refused(changes):
    refused(with_description(**changes), "^model settings: ")


def test_settings_without_the_spaces_are_refused():
    assert set(SETTINGS) == {"observation", "action", "settings"}
    for left_out in SETTINGS:
        rest = {name: value for name, value in SETTINGS.items() if name != left_out}
        refused(packed(json.dumps(rest)), f"^model settings: '{left_out}' is missing")


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_settings_that_ask_for_gigabytes_are_refused_before_they_get_them():
    before = peak_memory()
    refused(with_settings(members=50, hidden=[4096, 4096]), "expected shape")
    refused(with_settings(hidden=[4096] * 100_000), "100000 hidden layers, but only")
    names = [f"x{i}" for i in range(20_000)]
    wide = {"names": names, "low": [], "high": [], "angles": []}
    refused(with_description(observation=wide, action=wide), "expected shape")
    assert peak_memory() - before < 200e6


def test_a_checkpoint_on_disk_is_the_same_model(tmp_path):
    path = tmp_path / "model.safetensors"
    save(PACKED, path)
    update = load(path)
    assert update == PACKED
    read = unpack(update)
    assert read.observation == WITH_ANGLES
    for name, tensor in read.state_dict().items():
        assert torch.equal(tensor, STATE[name])
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_checkpoint_holds_every_part(tmp_path):
    path = tmp_path / "model.safetensors"
    save(HEADS, path)
    assert load(path) == HEADS


def test_damaged_checkpoint_files_are_refused_by_name(tmp_path):
    path = tmp_path / "model.safetensors"
    save(PACKED, path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for damaged in (b"", whole[:-1], whole[: len(whole) // 2], bytes(flipped), b"\x80\x04N."):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"^\S*/model\.safetensors: "):
            unpack(load(path))
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            load(place)


def test_a_safetensors_file_of_someone_else_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"x": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match=r"other\.safetensors: not a checkpoint: .*model"):
        load(path)


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "model.safetensors"
    save(PACKED, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            save(pack(random_model(WITH_ANGLES, seed=9)), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert torch.equal(unpack(load(path)).network.weights[0], STATE["network.weights.0"])
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_whoever_reads_while_a_checkpoint_is_written_reads_a_whole_one(tmp_path):
    path = tmp_path / "model.safetensors"
    models = [pack(random_model(WITH_ANGLES, seed=seed)) for seed in range(2)]
    save(models[0], path)

    def rewrite():
        for k in range(100):
            save(models[k % 2], path)

    writer = threading.Thread(target=rewrite)
    writer.start()
    read = 0
    while writer.is_alive():
        unpack(load(path))
        read += 1
    writer.join()
    assert read > 0


@pytest.mark.process
@pytest.mark.parametrize(
    "model",
    [
        random_model(mirrored=["position", "velocity", "force"]),
        random_model(likelihood="deterministic"),
        random_process(),
        random_model(reward_model=True, inverses=True),
    ],
    ids=["mirrored", "deterministic", "gaussian_process", "heads"],
)
def test_the_first_model_that_is_received_has_torch_load_nothing_more(tmp_path, model):
    path = tmp_path / "model.safetensors"
    save(pack(model), path)
    code = (
        "import sys; from pathlib import Path; import mbrl_ros.control.controller\n"
        "from mbrl_ros.core.kinds import find_kind; from mbrl_ros.models import checkpoint\n"
        "before = set(sys.modules)\n"
        f"update = checkpoint.load(Path({str(path)!r}))\n"
        "find_kind(update.kind).make_world_model(update)\n"
        "print(len(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # It was 800 once, for a second in which there was no control.
    assert int(done.stdout) < 50
