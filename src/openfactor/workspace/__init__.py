"""The use cases on a folder of this machine: one file per resource of the contract."""

from openfactor.workspace.local import LocalWorkspace

__all__ = ["LocalWorkspace"]
