"""What PyYAML raises of a text that is none."""

import yaml

#: Its parser and its constructors, such as for 2024-99-99, !!int and a thousand brackets.
UNREADABLE = (yaml.YAMLError, ValueError, IndexError, RecursionError)
