"""Installs mbrl_ros with pip; colcon uses CMakeLists.txt."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
DATA = ("msg", "srv", "config", "launch")

setup(
    name="mbrl_ros",
    version="0.1.0",
    description="Model-based reinforcement learning for ROS 2: learn the dynamics, plan the action",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[*find_packages(include=["mbrl_ros", "mbrl_ros.*"]), *(f"mbrl_ros.share.{d}" for d in DATA)],
    # The data folders lie at the top, where ROS 2 wants them, and travel inside the package.
    package_dir={f"mbrl_ros.share.{d}": d for d in DATA},
    package_data={f"mbrl_ros.share.{d}": ["*"] for d in DATA},
    install_requires=[
        "cyclonedds>=11.0.1",
        "dm_control>=1.0.20",
        "gymnasium>=1.0",
        "imageio>=2.30",
        "matplotlib>=3.7",
        "mcap>=1.2",
        "mujoco>=3.1.6",
        "numpy>=1.24",
        "pyyaml>=6.0",
        "rich>=13.0",
        "rosbags>=0.11.4",
        "safetensors>=0.4",
        "shimmy>=2.0",
        "torch>=2.2",
    ],
    extras_require={
        "test": ["mcap-ros2-support>=0.5", "mypy>=1.10", "pytest>=7.4", "ruff>=0.6", "types-PyYAML"],
        "video": ["imageio-ffmpeg>=0.5"],
    },
    entry_points={
        "console_scripts": [
            "mbrl-ros = mbrl_ros.cli.main:main",
        ]
    },
)
