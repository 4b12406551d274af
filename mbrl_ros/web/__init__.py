"""A page to watch and steer a running system; its logic, without ROS."""
