"""Asks rcl's own parser about texts: a JSON list on stdin, a line of JSON for each on stdout.

A program of its own, since the parser is C, and may crash.
"""

import ctypes as c
import json
import sys
import tempfile


def structure(*fields):
    return type("Structure", (c.Structure,), {"_fields_": fields})


def array(kind):
    return c.POINTER(structure(("values", c.POINTER(kind)), ("size", c.c_size_t)))


# rcl_yaml_param_parser/types.h, rcutils/types/string_array.h, rcutils/allocator.h
Texts = structure(("size", c.c_size_t), ("values", c.POINTER(c.c_char_p)))
SCALARS = [(k.__name__, c.POINTER(k)) for k in (c.c_bool, c.c_int64, c.c_double)]
ARRAYS = [(f"{kind.__name__}s", array(kind)) for kind in (c.c_bool, c.c_int64, c.c_double)]
Variant = structure(
    *SCALARS, ("text", c.c_char_p), ("bytes", c.c_void_p), *ARRAYS, ("texts", c.POINTER(Texts))
)
Parameters = structure(
    ("names", c.POINTER(c.c_char_p)), ("values", c.POINTER(Variant)),
    ("count", c.c_size_t), ("capacity", c.c_size_t),
)  # fmt: skip
Allocator = structure(*[(str(number), c.c_void_p) for number in range(5)])
File = structure(
    ("nodes", c.POINTER(c.c_char_p)), ("parameters", c.POINTER(Parameters)),
    ("count", c.c_size_t), ("capacity", c.c_size_t), ("allocator", Allocator),
)  # fmt: skip

utilities = c.CDLL("librcutils.so")
utilities.rcutils_get_default_allocator.restype = Allocator
library = c.CDLL("librcl_yaml_param_parser.so")
library.rcl_yaml_node_struct_init.restype = c.POINTER(File)
library.rcl_yaml_node_struct_init.argtypes = [Allocator]
library.rcl_yaml_node_struct_fini.argtypes = [c.POINTER(File)]
library.rcl_parse_yaml_file.restype = c.c_bool
library.rcl_parse_yaml_file.argtypes = [c.c_char_p, c.POINTER(File)]


def value_of(variant):
    """As rclpy takes it; an empty list has no type, and so is none there."""
    for name, _ in SCALARS:
        if pointer := getattr(variant, name):
            return pointer[0]
    if variant.text is not None:
        return variant.text.decode()
    for name in [name for name, _ in ARRAYS] + ["texts"]:
        if pointer := getattr(variant, name):
            items = [pointer[0].values[k] for k in range(pointer[0].size)]
            return [item.decode() if isinstance(item, bytes) else item for item in items]
    return []


def sections(text):
    """Pairs of node and parameters; None if it is refused."""
    file = library.rcl_yaml_node_struct_init(utilities.rcutils_get_default_allocator())
    with tempfile.NamedTemporaryFile() as written:
        written.write(text.encode())
        written.flush()
        taken = library.rcl_parse_yaml_file(written.name.encode(), file)
    utilities.rcutils_reset_error()
    found = []
    if taken:
        for node, own in zip(file[0].nodes[: file[0].count], file[0].parameters, strict=False):
            names, values = own.names[: own.count], own.values[: own.count]
            pairs = {n.decode(): value_of(v) for n, v in zip(names, values, strict=True)}
            found.append((node.decode(), pairs))
        library.rcl_yaml_node_struct_fini(file)
    # After a refusal the structure may be broken.
    return found if taken else None


if __name__ == "__main__":
    for given in json.load(sys.stdin):
        print(json.dumps(sections(given)), flush=True)
