"""Says where the packages lie; pyproject.toml has the rest. colcon uses CMakeLists.txt."""

from setuptools import find_packages, setup

# The data folders lie at the top, where ROS 2 wants them, and travel inside the package.
SHARE = {f"mbrl_ros.share.{folder}": folder for folder in ("msg", "srv", "config", "launch")}

setup(
    packages=[*find_packages(include=["mbrl_ros", "mbrl_ros.*"]), *SHARE],
    package_dir=SHARE,
    package_data={package: ["*"] for package in SHARE},
)
