"""Settings as text, YAML or JSON: repeated keys, and texts that expand without bounds, are refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from openfactor.errors import SettingsError

if TYPE_CHECKING:
    import yaml

MAX_TEXT = 64 << 20
"""Characters of a text, at most."""
MAX_DEPTH = 100
"""Levels of lists and mappings inside one another, at most."""
MAX_VALUES = 5_000_000
"""Values of a document, at most, with those that aliases repeat."""


def load_document(text: str | bytes | bytearray) -> Any:
    """The value that YAML or JSON describes.

    Raises
    ------
    SettingsError
        Keys that occur twice in a mapping, with the lines; more values, levels or characters than the limits;
        values that cannot be read.
    yaml.YAMLError
        The text is not YAML.
    """
    if len(text) > MAX_TEXT:
        raise _refused(f"the text has {len(text):,} characters; {MAX_TEXT:,} are allowed")
    is_json, value = load_json(text)
    return value if is_json else _load_yaml(text if isinstance(text, str) else bytes(text))


def load_json(text: str | bytes | bytearray) -> tuple[bool, Any]:
    """Whether the text is JSON, and its value; SettingsError as `load_document`."""
    repeated: list[str] = []

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = dict(pairs)
        if len(keys) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            repeated.extend(key for key, count in counts.items() if count > 1)
        return keys

    try:
        value = json.loads(text, object_pairs_hook=mapping)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError:
        return False, None
    if repeated:
        raise _refused(*_repeated_in_json(text, repeated))
    _check_depth(value)
    return True, value


def _repeated_in_json(text: str | bytes | bytearray, keys: list[str]) -> list[str]:
    """What to say of keys that occur twice: their lines, if the text is YAML too."""
    import yaml

    try:
        _load_yaml(text if isinstance(text, str) else bytes(text))
    except SettingsError as error:
        return list(error.problems)
    except yaml.YAMLError:
        pass
    return [f"{key!r} occurs more than once in a mapping; keep one" for key in dict.fromkeys(keys)]


def _load_yaml(text: str | bytes) -> Any:
    import yaml

    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for event in yaml.parse(text, Loader=kind):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _too_deep()
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node) > MAX_VALUES:
            raise _refused(f"aliases make it more than {MAX_VALUES:,} values; write values out, or use fewer")
        if problems := list(_repeated_keys(node)):
            raise _refused(*problems)
        value = loader.construct_document(node)
    except (ValueError, OverflowError, ArithmeticError) as error:
        if isinstance(error, SettingsError):
            raise
        raise _refused(f"a value cannot be read: {error}") from error
    finally:
        loader.dispose()
    _check_depth(value)
    return value


def _parts(node: yaml.Node) -> list[yaml.Node]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _size(root: yaml.Node) -> int:
    """Number of values with aliases written out; SettingsError if a value holds itself."""
    sizes: dict[int, int] = {}
    entered: set[int] = set()
    stack = [root]
    while stack:
        node = stack[-1]
        parts = _parts(node)
        if id(node) in entered or id(node) in sizes:
            stack.pop()
            sizes[id(node)] = 1 + sum(sizes[id(part)] for part in parts)
            entered.discard(id(node))
            continue
        entered.add(id(node))
        for part in parts:
            if id(part) in entered:
                line = part.start_mark.line + 1
                raise _refused(f"line {line}: a value holds an alias of itself")
        stack += [part for part in dict.fromkeys(parts) if id(part) not in sizes]
    return sizes[id(root)]


def _repeated_keys(root: yaml.Node) -> Iterator[str]:
    """A problem for each key that occurs twice in a mapping; merged keys (`<<`) may be replaced."""
    import yaml

    visited: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        stack += _parts(node)[::-1]
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                yield f"{key.value!r} occurs in line {lines[name]} and again in line {line}; keep one"
            lines.setdefault(name, line)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    raise _too_deep()


def _too_deep() -> SettingsError:
    return _refused(f"lists and mappings are nested more than {MAX_DEPTH} levels deep")


def _refused(*problems: str) -> SettingsError:
    return SettingsError("these settings cannot be read:", list(problems))
