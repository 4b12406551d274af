"""Installs mbrl_ros with pip; colcon uses CMakeLists.txt, as package.xml says."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
SHARE = {f"mbrl_ros.share.{folder}": folder for folder in ("msg", "srv", "config", "launch")}

setup(
    name="mbrl_ros",
    version="0.1.0",
    description="Model-based reinforcement learning for ROS 2: learn the dynamics, plan the action",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=[*find_packages(include=["mbrl_ros", "mbrl_ros.*"]), *SHARE],
    # The data folders lie at the top, where ROS 2 wants them, and travel inside the package.
    package_dir=SHARE,
    package_data={package: ["*"] for package in SHARE},
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
        "gp": ["gpytorch>=1.15"],
        "test": [
            "mcap-ros2-support>=0.5",
            "mypy>=1.10",
            "pytest>=7.4,<9",  # launch_testing's plugin breaks with a newer one
            "ruff>=0.6",
            "types-PyYAML",
        ],
        "video": ["imageio-ffmpeg>=0.5"],
    },
    entry_points={
        "console_scripts": [
            "mbrl-ros = mbrl_ros.cli.main:main",
        ]
    },
)
