"""Exceptions with rclpy's names and hierarchy."""

from typing import Any


class ROSError(Exception):
    """Base of the runtime's own exceptions."""


class RCLError(RuntimeError):
    """An operation of the middleware failed."""


class NotInitializedException(ROSError):  # noqa: N818
    """`init()` has not been called, or `shutdown()` has."""

    def __init__(self, *args: Any) -> None:
        super().__init__("init() has not been called", *args)


class ExternalShutdownException(Exception):  # noqa: N818
    """The context was shut down while an executor was spinning."""


class ParameterException(ROSError):  # noqa: N818
    """Base of parameter errors."""

    def __init__(self, error: str, parameters: Any, *args: Any) -> None:
        super().__init__(f"{error}: {parameters}", *args)


class ParameterNotDeclaredException(ParameterException):
    """An undeclared parameter was accessed."""

    def __init__(self, parameters: Any, *args: Any) -> None:
        super().__init__("Invalid access to undeclared parameter(s)", parameters, *args)


class ParameterAlreadyDeclaredException(ParameterException):
    """A parameter was declared twice."""

    def __init__(self, parameters: Any, *args: Any) -> None:
        super().__init__("Parameter(s) already declared", parameters, *args)


class ParameterUninitializedException(ParameterException):
    """A parameter was declared with a type but never got a value."""

    def __init__(self, parameters: Any, *args: Any) -> None:
        super().__init__(
            "The parameter is not initialized and declared with a static type", parameters, *args
        )


class ParameterImmutableException(ParameterException):
    """An attempt was made to remove a read-only parameter."""

    def __init__(self, parameters: Any, *args: Any) -> None:
        super().__init__("Attempted to modify read-only parameter(s)", parameters, *args)


class InvalidParameterException(ParameterException):
    """A parameter has an invalid name."""

    def __init__(self, parameters: Any, *args: Any) -> None:
        super().__init__("Invalid parameter name", parameters, *args)


class InvalidParameterTypeException(ParameterException):
    """A parameter was given a value of a type other than declared."""

    def __init__(self, parameter: Any, expected: str) -> None:
        super().__init__(
            f"Trying to set parameter '{parameter.name}' to '{parameter.value}' of type "
            f"'{parameter.type_.name}', expecting type '{expected}'",
            parameter.name,
        )


class InvalidParameterValueException(ParameterException):
    """A parameter was given a value that is not allowed."""

    def __init__(self, parameter: str, value: Any, reason: str) -> None:
        super().__init__(
            f"Invalid parameter value ({value}) for parameter. Reason: {reason}", parameter
        )


class InvalidServiceNameException(ROSError):  # noqa: N818
    """A service name breaks the naming rules."""


class InvalidTopicNameException(ROSError):  # noqa: N818
    """A topic name breaks the naming rules."""


class InvalidNodeNameException(ROSError):  # noqa: N818
    """A node name breaks the naming rules."""


class InvalidNamespaceException(ROSError):  # noqa: N818
    """A namespace breaks the naming rules."""
