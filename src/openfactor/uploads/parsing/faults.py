"""The error about a file that cannot be read."""

from openfactor.errors import DataError, Fault


def file_fault(name: str, rule: str, message: str) -> DataError:
    """DataError with one fault of a file as a whole."""
    return DataError(f"{name} cannot be read:", [Fault(rule, name, message)])
