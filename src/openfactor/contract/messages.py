"""Calls as messages: the arguments of a method and its answer, told by the annotations of its protocol."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_type_hints

from pydantic import ValidationError

from openfactor.contract.calls import RESOURCES
from openfactor.contract.codec import pack, record, unpack
from openfactor.contract.failures import Failure
from openfactor.datawarnings import collected, warn_again
from openfactor.errors import CancelledError, NotFoundError, OpenfactorError, SettingsError

Send = Callable[[str, str, bytes], bytes]
"""Takes the names of a resource and a method, and the message of the arguments; gives that of the answer."""


@dataclass(frozen=True)
class Method:
    """One method of a protocol."""

    signature: inspect.Signature
    arguments: Any
    """Annotation of its arguments by name."""
    answer: Any
    """Annotation of `value`, or `failure`, and `warnings`."""

    def pack(self, *args: Any, **kwargs: Any) -> bytes:
        """The message of a call.

        Raises
        ------
        TypeError: the arguments do not fit the method.
        """
        return pack(self.arguments, dict(self.signature.bind(*args, **kwargs).arguments))

    def unpack_answer(self, message: bytes) -> Any:
        """The value of an answer; warnings are given, and a failure is raised as the error that it was."""
        answer = unpack(self.answer, message)
        for text in answer["warnings"]:
            warn_again(text)
        if answer.get("failure") is not None:
            raise answer["failure"].error()
        return answer["value"]


@cache
def method(resource: str, name: str) -> Method:
    """A method that can be called; NotFoundError if there is none of that name."""
    protocol = RESOURCES.get(resource)
    function = None if protocol is None or name.startswith("_") else vars(protocol).get(name)
    if protocol is None or not inspect.isfunction(function):
        raise NotFoundError(f"there is no call {resource}.{name}")
    # the protocols import polars for type checkers alone
    frames = {"pl": importlib.import_module("polars")}
    hints = get_type_hints(function, {**vars(sys.modules[protocol.__module__]), **frames})
    result = hints.pop("return")
    signature = inspect.signature(function)
    bound = signature.replace(parameters=list(signature.parameters.values())[1:])
    title = f"{resource}_{name}"
    return Method(
        bound,
        record(f"{title}_arguments", hints),
        record(f"{title}_answer", {"value": result, "failure": Failure | None, "warnings": list[str]}),
    )


def answer(workspace: Any, resource: str, name: str, message: bytes) -> bytes:
    """Carry out the call of a message on a workspace; the message of its answer.

    Errors of openfactor, and settings that pydantic refuses, are answers; other errors are faults of the
    engine and are raised.
    """
    with collected() as warnings:
        try:
            called = method(resource, name)
            arguments = unpack(called.arguments, message)
            value = getattr(getattr(workspace, resource), name)(**arguments)
            return pack(called.answer, {"value": value, "warnings": warnings})
        except ValidationError as error:
            refused = SettingsError("the settings are not valid:", [str(error)])
            return _failed(refused, warnings)
        except OpenfactorError as error:
            return _failed(error, warnings)


def _failed(error: OpenfactorError, warnings: list[str]) -> bytes:
    fields = {"value": None, "failure": Failure | None, "warnings": list[str]}
    return pack(record("failed", fields), {"failure": Failure.of(error), "warnings": warnings})


def outcome(resource: str, name: str, message: bytes) -> Literal["done", "failed", "cancelled"]:
    """What an answer tells of its call."""
    failure = unpack(method(resource, name).answer, message).get("failure")
    if failure is None:
        return "done"
    return "cancelled" if failure.kind == CancelledError.kind else "failed"


def internal_failure(error: Exception) -> bytes:
    """The answer of a call that failed through a fault of the engine."""
    return _failed(OpenfactorError(f"{type(error).__name__}: {error}"), [])


class Proxy:
    """A workspace elsewhere: every call becomes a message, and its answer the value of the call.

    Parameters
    ----------
    send : carries a message there and the answer back
    where : what `repr` says of it
    """

    def __init__(self, send: Send, where: str) -> None:
        self._where = where
        for resource, protocol in RESOURCES.items():
            setattr(self, resource, _ResourceProxy(resource, protocol, send))

    def __repr__(self) -> str:
        return f"<workspace {self._where}>"

    def close(self) -> None:
        """Nothing is open on this side."""


class _ResourceProxy:
    """The calls of one resource."""

    def __init__(self, resource: str, protocol: type, send: Send) -> None:
        self._resource, self._protocol, self._send = resource, protocol, send

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in vars(self._protocol):
            raise AttributeError(f"{self._resource} has no call {name!r}")

        def call(*args: Any, **kwargs: Any) -> Any:
            called = method(self._resource, name)
            return called.unpack_answer(self._send(self._resource, name, called.pack(*args, **kwargs)))

        return call
