"""Reads event files of TensorBoard by other means than they are written by: protobuf itself."""

import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# name: (number, type), of the part of TensorFlow's event.proto and summary.proto in use.
FIELDS = {
    "Plugin": {"plugin_name": (1, "string")},
    "Metadata": {"plugin_data": (1, "Plugin")},
    "Tensor": {"dtype": (1, "int32"), "string_val": (8, "bytes*")},
    "Value": {
        "tag": (1, "string"),
        "simple_value": (2, "float"),
        "tensor": (8, "Tensor"),
        "metadata": (9, "Metadata"),
    },
    "Summary": {"value": (1, "Value*")},
    "Event": {
        "wall_time": (1, "double"),
        "step": (2, "int64"),
        "file_version": (3, "string"),
        "summary": (5, "Summary"),
    },
}


def _event_class():
    file = descriptor_pb2.FileDescriptorProto(name="events.proto", package="test", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            made = message.field.add(name=field, number=number)
            made.label = made.LABEL_REPEATED if kind.endswith("*") else made.LABEL_OPTIONAL
            kind = kind.rstrip("*")
            if kind in FIELDS:
                made.type, made.type_name = made.TYPE_MESSAGE, f".test.{kind}"
            else:
                made.type = getattr(made, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Event"))


EVENT = _event_class()


def crc32c(data):
    """Bit by bit, as in RFC 3720."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def check_crc(data, written):
    crc = crc32c(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    assert struct.unpack("<I", written) == ((rotated + 0xA282EAD8) % 2**32,)


def read_events(folder):
    """Return the events of the only file in a folder; each record is checked."""
    (path,) = folder.glob("events.out.tfevents.*")
    data, events = path.read_bytes(), []
    while data:
        check_crc(data[:8], data[8:12])
        (length,) = struct.unpack("<Q", data[:8])
        assert len(data) >= 16 + length
        check_crc(data[12 : 12 + length], data[12 + length : 16 + length])
        events.append(EVENT.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return events


def read_scalars(folder):
    """Return tag to list of (step, value)."""
    scalars = {}
    for event in read_events(folder):
        for value in event.summary.value:
            if not value.HasField("metadata"):
                scalars.setdefault(value.tag, []).append((event.step, value.simple_value))
    return scalars


def read_texts(folder):
    """Return tag to list of (step, text)."""
    texts = {}
    for event in read_events(folder):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "text":
                (text,) = value.tensor.string_val
                texts.setdefault(value.tag, []).append((event.step, text.decode()))
    return texts
