"""The error about a file that cannot be read."""

from openfactor.errors import DataError, Fault


def file_fault(name: str, rule: str, message: str) -> DataError:
    """DataError with one fault, of a whole file."""
    return DataError(f"{name} cannot be read:", [Fault(rule, name, message)])
