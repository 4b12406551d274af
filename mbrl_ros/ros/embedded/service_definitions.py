"""Standard services that rosbags lacks, as defined by their packages."""

SERVICES = {
    "std_srvs/srv/Empty": "---",
    "std_srvs/srv/SetBool": "bool data\n---\nbool success\nstring message",
    "std_srvs/srv/Trigger": "---\nbool success\nstring message",
    "rcl_interfaces/srv/DescribeParameters": (
        "string[] names\n---\nParameterDescriptor[] descriptors"
    ),
    "rcl_interfaces/srv/GetParameters": "string[] names\n---\nParameterValue[] values",
    "rcl_interfaces/srv/GetParameterTypes": "string[] names\n---\nuint8[] types",
    "rcl_interfaces/srv/ListParameters": (
        "uint64 DEPTH_RECURSIVE=0\nstring[] prefixes\nuint64 depth\n---\n"
        "ListParametersResult result"
    ),
    "rcl_interfaces/srv/SetParameters": (
        "Parameter[] parameters\n---\nSetParametersResult[] results"
    ),
    "rcl_interfaces/srv/SetParametersAtomically": (
        "Parameter[] parameters\n---\nSetParametersResult result"
    ),
    "lifecycle_msgs/srv/ChangeState": "Transition transition\n---\nbool success",
    "lifecycle_msgs/srv/GetState": "---\nState current_state",
    "lifecycle_msgs/srv/GetAvailableStates": "---\nState[] available_states",
    "lifecycle_msgs/srv/GetAvailableTransitions": (
        "---\nTransitionDescription[] available_transitions"
    ),
}
