"""The stamp of a passed graduation: what passed, and whether that is what is to be started.

It needs no torch, since a launch checks it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mbrl_ros.core.settings import SettingsError, for_node
from mbrl_ros.core.signing import is_signed, private_key, public_key, signature_of
from mbrl_ros.system.configuration import Configuration, versions_in_use

#: The nodes that command a robot.
NODES = ("mpc_controller", "safety_guard", "robot_bridge")
# What is of one run only, and says nothing of what is commanded.
_OF_A_RUN = (
    "run_dir", "seed", "trainer", "autostart", "after_crash", "model_file", "model_sha256",
    "lock_step",
)  # fmt: skip
# Versions that decide what is computed.
_VERSIONS = ("mbrl_ros", "torch", "numpy")


def make_stamp(configuration: Configuration, digest: str, passed: bool) -> dict[str, Any]:
    """Return the stamp of a graduation.

    Args:
        configuration: that was tested.
        digest: of the checkpoint that was; see `file_digest`.
        passed: whether it passed.
    """
    versions = versions_in_use()
    return {
        "passed": passed,
        "model_sha256": digest,
        "configuration": _commanding(configuration),
        "versions": {name: versions[name] for name in _VERSIONS if name in versions},
    }


def sign(stamp: Mapping[str, Any], key: Path | None) -> dict[str, str]:
    """Return what shows that a stamp is whole: its hash, and a signature if there is a key.

    Args:
        stamp: from `make_stamp`.
        key: Ed25519 private key (PEM); None: none.

    Raises:
        SettingsError: if the key cannot be used.
    """
    content = _canonical(stamp)
    seal = {"sha256": hashlib.sha256(content).hexdigest()}
    if key is not None:
        seal["ed25519"] = signature_of(content, private_key(key))
    return seal


def require(path: Path, configuration: Configuration, model: Path, key: Path | None = None) -> str:
    """Check that what is to be started has graduated.

    Args:
        path: a ``graduation.json``.
        configuration: to be started.
        model: checkpoint to be commanded by.
        key: Ed25519 public key (PEM) that it must be signed for; None: its hash will do.

    Returns:
        the SHA-256 of the model's file.

    Raises:
        SettingsError: naming what is missing, was changed or is another one.
    """
    where = f"require_graduation: {path}"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        stamp, seal = dict(told["stamp"]), dict(told["seal"])
        known, versions = dict(stamp["configuration"]), dict(stamp["versions"])
    except OSError as error:
        raise SettingsError(f"{where}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{where}: expected the stamp of a graduation, got none") from None
    content = _canonical(stamp)
    if seal.get("sha256") != hashlib.sha256(content).hexdigest():
        raise SettingsError(f"{where}: the stamp was changed: its SHA-256 is another one")
    if key is not None:
        _verify(content, str(seal.get("ed25519", "")), key, where)
    if stamp["passed"] is not True:
        raise SettingsError(f"{where}: it did not pass")
    try:
        digest = file_digest(model)
    except OSError as error:
        raise SettingsError(f"model: {model}: {error.strerror}") from None
    if digest != stamp["model_sha256"]:
        raise SettingsError(
            f"{where}: another model graduated: expected SHA-256 {stamp['model_sha256'][:12]}…, "
            f"got {digest[:12]}… of {model}"
        )
    _compare(known, _commanding(configuration), where)
    now = versions_in_use()
    for name, version in versions.items():
        if now.get(name, version) != version:
            raise SettingsError(
                f"{where}: it graduated with {name} {version}, and {now[name]} is installed"
            )
    return digest


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises:
        OSError: if it cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _commanding(configuration: Configuration) -> dict[str, Any]:
    """Return the parameters that decide what is commanded; those of all nodes first.

    Parameters that are at their defaults but given, and not given, are two things: so may the
    defaults of another version be.
    """
    found = {}
    for node in NODES:
        for name, value in sorted(for_node(configuration.nodes, node).items()):
            if name not in _OF_A_RUN:
                shared = name in configuration.shared and configuration.shared[name] == value
                found[name if shared else f"{node}.{name}"] = value
    # As a file has them.
    loaded: dict[str, Any] = json.loads(json.dumps(found))
    return loaded


def _compare(then: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    for name in sorted({*then, *now}):
        old, new = (each.get(name, "its default") for each in (then, now))
        if old != new:
            raise SettingsError(
                f"{where}: another configuration graduated: {name}: expected {old!r}, got {new!r}"
            )


def _canonical(stamp: Mapping[str, Any]) -> bytes:
    return json.dumps(stamp, sort_keys=True, separators=(",", ":")).encode()


def _verify(content: bytes, signature: str, key: Path, where: str) -> None:
    public = public_key(key)
    if not signature:
        raise SettingsError(f"{where}: expected a signature for {key}, got none")
    if not is_signed(content, signature, public):
        raise SettingsError(f"{where}: it is not signed with the key of {key}")
