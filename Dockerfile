# The package on ROS 2, built as its README says:
#   docker build -t mbrl_ros . && docker run --rm -it --network host mbrl_ros
FROM ros:jazzy-ros-base

RUN apt-get update && apt-get install -y --no-install-recommends \
    python3-colcon-common-extensions python3-pip python3-venv ros-jazzy-rosbag2-storage-mcap \
    && rm -rf /var/lib/apt/lists/*

# Packages first: they change less often than the code.
COPY requirements.txt /ws/src/mbrl_ros/requirements.txt
RUN python3 -m venv --system-site-packages /venv \
    && /venv/bin/pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        -r /ws/src/mbrl_ros/requirements.txt

COPY . /ws/src/mbrl_ros
WORKDIR /ws
RUN . /opt/ros/jazzy/setup.sh && apt-get update \
    && rosdep install --from-paths src -y --ignore-src && rm -rf /var/lib/apt/lists/* \
    && colcon build

ENV PATH=/venv/bin:$PATH VIRTUAL_ENV=/venv
ENTRYPOINT ["/bin/bash", "-c", "source install/setup.bash && exec \"$@\"", "--"]
CMD ["ros2", "launch", "mbrl_ros", "sim.launch.py"]
