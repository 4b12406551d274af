"""ROS 2 without an installation: the part of rclpy that this package uses, on Cyclone DDS."""
