"""The data types that can be uploaded: one class each, in a file of its own.

A file in this folder with a subclass of `DataType` defines a data type; no other place lists it.
"""

import importlib
import pkgutil

from openfactor.uploads.schema import DataType

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

DATA_TYPES: dict[str, DataType] = {
    t.name: t() for t in sorted(DataType.__subclasses__(), key=lambda t: t.name)
}
"""Name to data type, sorted."""

__all__ = ["DATA_TYPES"]
