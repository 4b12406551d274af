"""The command line: launch without ROS 2, learning in lock-step, reports, tools."""
