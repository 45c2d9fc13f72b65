"""The base of all settings and results: frozen values that reject unknown fields, with JSON and YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Self, SupportsIndex, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from openfactor.errors import SettingsError
from openfactor.settings.documents import load_document, load_json

Reference = str | int
"""The name or the id of something saved under a name."""


class Value(BaseModel):
    """A frozen, hashable value that rejects unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,
        ser_json_inf_nan="strings",  # an infinite half-life must not come back from JSON as none
    )

    def __hash__(self) -> int:
        # pydantic's own fails on fields that are lists or mappings; equal values have equal hashes
        return hash(tuple(_hashable(getattr(self, name)) for name in type(self).model_fields))

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        # pickle cannot find a class with parameters by its name
        generic = type(self).__pydantic_generic_metadata__
        if not generic["args"]:
            return super().__reduce_ex__(protocol)
        return _restored, (generic["origin"], generic["args"], self.__getstate__())

    def to_yaml(self) -> str:
        """As YAML, fields in order of definition; `from_yaml` returns an equal value."""
        import yaml

        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """The value that YAML or JSON describes.

        Raises
        ------
        pydantic.ValidationError
            With every invalid field.
        SettingsError
            Keys that occur twice, or values that `load_document` refuses.
        yaml.YAMLError
            The text is not YAML.
        """
        return cls.model_validate(load_document(text))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """As in pydantic; keys that occur twice, and nesting without end, are a SettingsError."""
        load_json(json_data)
        return super().model_validate_json(json_data, **options)


def _restored(origin: Any, args: tuple[Any, ...], state: dict[Any, Any]) -> Value:
    kind: type[Value] = origin[args]
    value = kind.__new__(kind)
    value.__setstate__(state)
    return value


class Settings(Value):
    """A frozen value. Equal settings have equal JSON, hence one fingerprint."""

    settings_kind: ClassVar[str] = ""
    """What JSON, `reference_fields` and the registry call this class; empty where it cannot be saved."""
    reference_fields: ClassVar[Mapping[str, str]] = {}
    """Field to what a name or an id in it refers to: a `settings_kind`, or the data type of an upload."""

    def with_dataset(self, dataset: str) -> DatasetSettings[Self]:
        """These settings, bound to the risk dataset to use them on."""
        return DatasetSettings(dataset=dataset, setting=self)

    def get_references(self) -> list[tuple[str, Reference]]:
        """Everything these settings refer to, each once, as (kind or data type, name or id)."""
        references: list[tuple[str, Reference]] = []

        def note(what: str, reference: Reference) -> Reference:
            references.append((what, reference))
            return reference

        self.map_references(note)
        return list(dict.fromkeys(references))

    def map_references(self, change: Callable[[str, Reference], Any]) -> Self:
        """The same settings with `change(kind or data type, name or id)` applied to every reference."""
        update = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            changed = _mapped(value, change, self.reference_fields.get(name))
            if changed != value:
                update[name] = changed
        return self.model_copy(update=update) if update else self


def _mapped(value: Any, change: Callable[[str, Reference], Any], what: str | None) -> Any:
    if isinstance(value, Settings):
        return value.map_references(change)
    if isinstance(value, list):
        return [_mapped(item, change, what) for item in value]
    if isinstance(value, dict):
        return {key: _mapped(item, change, what) for key, item in value.items()}
    return change(what, value) if what and isinstance(value, str | int) else value


def _hashable(value: Any) -> Any:
    """Equal for equal values: the order of a list matters, that of a mapping does not."""
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    return frozenset(value) if isinstance(value, set) else value


S = TypeVar("S", bound=Settings)


def inline(value: S | Reference) -> S:
    """The settings themselves.

    Raises
    ------
    SettingsError
        It is the name or the id of saved settings.
    """
    if isinstance(value, str | int):
        raise SettingsError(
            f"{value!r} is the name or id of saved settings:",
            ["load through a client, which follows names and ids, or give the settings themselves"],
        )
    return value


class DatasetSettings(Value, Generic[S]):
    """Settings bound to a risk dataset by name.

    Validated without a type parameter, a mapping becomes settings of the class that its `kind` names.
    """

    dataset: str = Field(min_length=1)
    """Name of the risk dataset."""
    setting: S
    """The settings to use on it."""
    kind: str = Field(default="", validate_default=True)
    """The `settings_kind` of the settings, which tells them apart in JSON and YAML; filled in by default."""

    def with_dataset(self, dataset: str) -> DatasetSettings[S]:
        """The same settings, bound to another risk dataset."""
        return self.model_copy(update={"dataset": dataset})

    def __getattr__(self, name: str) -> Any:
        """Fields and methods of the settings, so that bound settings work wherever plain ones do."""
        setting = self.__dict__.get("setting")
        if setting is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(setting, name)

    @field_validator("kind")
    @classmethod
    def _kind_of_the_settings(cls, kind: str, info: ValidationInfo) -> str:
        setting = info.data.get("setting")
        if not isinstance(setting, Settings):  # it is not valid, which has an error of its own
            return kind
        if kind not in ("", setting.settings_kind):
            raise ValueError(f"these are {setting.settings_kind or type(setting).__name__}, not {kind}")
        return setting.settings_kind

    @model_validator(mode="before")
    @classmethod
    def _of_any_kind(cls, data: Any) -> Any:
        bare = cls.__pydantic_generic_metadata__["args"] in ((), (Any,))
        if not (bare and isinstance(data, Mapping) and isinstance(data.get("setting"), Mapping)):
            return data
        from openfactor.settings.saved import bound_by_kind  # it imports this module

        return dict(bound_by_kind(data))
