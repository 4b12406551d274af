"""How YAML is written fast, and what PyYAML raises of a text that is none."""

from typing import Any

import yaml

#: Writes the same as yaml.SafeDumper, in C if that is available: in a quarter of the time.
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

#: Its parser and its constructors, such as for 2024-99-99, !!int and a thousand brackets.
UNREADABLE = (yaml.YAMLError, ValueError, IndexError, RecursionError)
