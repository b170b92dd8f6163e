"""Dataclasses as plain values and back, by their own fields: what is added to a class arrives, without a list to edit.

Plain values are those of msgpack and JSON: None, bool, int, float, str, lists, and dicts whose keys are texts or
numbers. A class that knows a better form of itself has `to_dict` and `from_dict`, and is asked for it.
"""

from __future__ import annotations

import types
from collections import Counter
from dataclasses import fields, is_dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
SCALARS = (bool, int, float, str)


def to_plain(value: Any) -> Any:
    """A value, and all that is in it, as plain values."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], values: Any) -> T:
    """The reverse of `to_plain`. Raises TypeError, ValueError or KeyError for what is not of the kind."""
    made: T = _made(kind, values)
    return made


def _made(kind: Any, value: Any) -> Any:
    if hasattr(kind, "from_dict"):
        return kind.from_dict(value)
    if is_dataclass(kind):
        made = {name: _made(hint, value[name]) for name, hint in _types_of(cast(Any, kind))}
        return cast(Any, kind)(**made)
    origin = get_origin(kind)
    return _checked(kind, value) if origin is None else _made_of_parts(origin, get_args(kind), value)


@cache
def _types_of(kind: Any) -> list[tuple[str, Any]]:
    """The names and types of a dataclass's fields."""
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind)]


def _made_of_parts(origin: Any, parts: tuple[Any, ...], value: Any) -> Any:
    """What is written as list[X], dict[K, V], tuple[X, Y], tuple[X, ...], Counter[K] or X | None; else as it is."""
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        some = [part for part in parts if part is not type(None)]
        return _made(next((part for part in some if part is type(value)), some[0]), value)
    if origin in (dict, Counter):
        counted = (*parts, int)
        return origin({_key(counted[0], key): _made(counted[1], item) for key, item in value.items()})
    if origin is list:
        return [_made(parts[0], item) for item in value]
    if origin is tuple:
        each = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(_made(part, item) for part, item in zip(each, value, strict=True))
    return value


def _checked(kind: Any, value: Any) -> Any:
    """A number, a text or a name of an enumeration, if it is of the kind: who sends it may be a stranger."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    if kind in SCALARS and type(value) is not kind and not (kind is float and type(value) is int):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _key(kind: Any, key: Any) -> Any:
    """A key of a dict: JSON has made a text of a number."""
    return int(key) if kind is int else key
