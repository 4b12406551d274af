"""Ed25519 signatures, with keys in PEM files by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mbrl_ros.core.settings import SettingsError


def private_key(path: Path) -> Any:
    """Return the key to sign with.

    Raises:
        SettingsError: if it cannot be used.
    """
    return _loaded(path, "private")


def public_key(path: Path) -> Any:
    """Return the key that signatures are checked with.

    Raises:
        SettingsError: if it cannot be used.
    """
    return _loaded(path, "public")


def signature_of(content: bytes, private: Any) -> str:
    """Return the signature of a content, hexadecimal."""
    return str(private.sign(content).hex())


def is_signed(content: bytes, signature: str, public: Any) -> bool:
    """Return whether a signature is that of a content by the key's owner."""
    from cryptography.exceptions import InvalidSignature

    try:
        public.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _loaded(path: Path, which: str) -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise SettingsError(
            f"{path}: needs the package cryptography (pip install mbrl_ros[graduation])"
        ) from None
    try:
        data = path.read_bytes()
        if which == "private":
            key: Any = serialization.load_pem_private_key(data, None)
            fits = isinstance(key, ed25519.Ed25519PrivateKey)
        else:
            key = serialization.load_pem_public_key(data)
            fits = isinstance(key, ed25519.Ed25519PublicKey)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        fits = False
    if not fits:
        raise SettingsError(f"{path}: expected an Ed25519 {which} key (PEM)")
    return key
