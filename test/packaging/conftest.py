"""What pip installs, built once for all tests of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What is in a checkout but not in the repository.
LEFT_OUT = (".*", "build", "dist", "install", "log", "runs", "*.egg-info", "__pycache__")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The paths of an sdist, and of the wheel built from it as an index would have it."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in (".ci", ".github"):
        shutil.copytree(ROOT / name, source / name)
    shutil.copy(ROOT / ".pre-commit-config.yaml", source)
    sdist = _backend("build_sdist", source, folder)
    shutil.unpack_archive(sdist, folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    return sdist, _backend("build_wheel", unpacked, folder)


def _backend(hook, source, folder):
    code = f"import sys; from setuptools import build_meta as b; print(b.{hook}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=source,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]
