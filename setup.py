"""Says where the packages lie; pyproject.toml has the rest. colcon uses CMakeLists.txt."""

from setuptools import find_packages, setup

# The data folders lie at the top, where ROS 2 wants them, and travel inside the package.
CONFIG = (
    "config",
    "config/graduation",
    "config/layouts",
    "config/robots",
    "config/robots/standins",
    "config/security",
)
FOLDERS = ("msg", "srv", *CONFIG, "launch")
SHARE = {f"mbrl_ros.share.{folder.replace('/', '.')}": folder for folder in FOLDERS}

setup(
    packages=[*find_packages(include=["mbrl_ros", "mbrl_ros.*"]), *SHARE],
    package_dir=SHARE,
    package_data={package: ["*"] for package in SHARE},
)
