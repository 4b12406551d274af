"""Messages as they travel and are logged: built and serialised without any ROS."""

from mbrl_ros.data.definitions import Topic, typestore


def topic(name, type_name, latched=False):
    store = typestore()
    text, _ = store.generate_msgdef(type_name, ros_version=2)
    return Topic(name, type_name, text, store.hash_rihs01(type_name), latched)


def make(type_name, **fields):
    return typestore().types[type_name](**fields)


def header(seconds=0.0):
    stamp = make(
        "builtin_interfaces/msg/Time",
        sec=int(seconds),
        nanosec=round(seconds % 1 * 1e9),
    )
    return make("std_msgs/msg/Header", stamp=stamp, frame_id="")


def cdr(message):
    return bytes(typestore().serialize_cdr(message, message.__msgtype__))
