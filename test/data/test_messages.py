"""Messages and what is made of them."""

import copy

from mbrl_ros.data.messages import signed_content
from mbrl_ros.ros import interfaces as ri


def test_a_signature_is_of_all_of_a_model_but_its_header():
    part = ri.ModelPart(name="model", weights=b"abc", sha256="0" * 64)
    message = ri.ModelUpdate(run="one", kind="ensemble", settings="{}", parts=[part])
    other = {
        "run": "two", "epoch": 1, "sequence": 1, "transitions": 1, "holdout_error": 0.25,
        "kind": "rssm", "settings": "{ }", "parts": [part, part],
    }  # fmt: skip
    fields = set(message.get_fields_and_field_types())
    assert fields - {"header", "signature"} == set(other)
    for name, value in other.items():
        changed = copy.deepcopy(message)
        setattr(changed, name, value)
        assert signed_content(changed) != signed_content(message), name
    message.header.frame_id = "elsewhere"
    later = copy.deepcopy(message)
    later.signature, later.header.stamp.sec = "00", 7
    assert signed_content(later) == signed_content(message)
