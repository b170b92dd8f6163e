"""What travels between processes arrives whole: every field, of every class, whatever is added to it."""

import itertools
import json
import types
from collections import Counter
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Union, get_args, get_origin, get_type_hints

import msgpack
import pytest

from hubbub.errors import Owner
from hubbub.ledger import Timings
from hubbub.metrics.histogram import Histogram
from hubbub.metrics.low_ends import LowEnds
from hubbub.run.messages import Assignment, Drain, Go, Report
from hubbub.serialization import from_plain, to_plain
from hubbub.transport.frames import CloseCode


def filled(kind, numbers):  # noqa: PLR0911 - one for each kind of type
    """A value of a type in which no two parts are the same."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return filled(parts[0], numbers)
    if origin in (dict, Counter):
        of_values = (*parts, int)[1]
        return origin({filled(parts[0], numbers): filled(of_values, numbers) for _ in range(2)})
    if origin is list:
        return [filled(parts[0], numbers) for _ in range(2)]
    if origin is tuple:
        return tuple(filled(part, numbers) for part in parts if part is not Ellipsis)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{each.name: filled(hints[each.name], numbers) for each in fields(kind)})
    if kind is Owner:
        return Owner.GENERATOR
    if kind is Timings:
        timings = Timings()
        for name in Timings.__slots__:
            setattr(timings, name, filled(type(getattr(timings, name)), numbers))
        return timings
    if kind is LowEnds:
        low = LowEnds()
        low.within(next(numbers)).record(next(numbers))
        return low
    if kind is Histogram:
        histogram = Histogram()
        histogram.record(next(numbers))
        histogram.censor(next(numbers))
        return histogram
    assert kind in (int, float, str, bool), f"how is a {kind} filled?"
    return kind(next(numbers))


@pytest.mark.parametrize("kind", [Report, Assignment, Go, Drain])
@pytest.mark.parametrize(
    "travel",
    [
        lambda plain: json.loads(json.dumps(plain)),
        lambda plain: msgpack.unpackb(msgpack.packb(plain), raw=False, strict_map_key=False),
    ],
    ids=["JSON", "msgpack"],
)
def test_every_field_arrives(kind, travel):
    sent = filled(kind, itertools.count(2))
    plain = to_plain(sent)
    arrived = from_plain(kind, travel(plain))
    assert to_plain(arrived) == plain
    for each in fields(kind):
        assert type(getattr(arrived, each.name)) is type(getattr(sent, each.name)), each.name


@dataclass
class Inner:
    numbers: tuple[int, ...] = ()
    pair: tuple[int, str] = (0, "")


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    perhaps: Inner | None = None
    counted: Counter[int] = field(default_factory=Counter)


def test_names_of_numbers_and_of_texts_are_written_as_they_are():
    plain = to_plain({"code": CloseCode.NO_STATUS, "owner": Owner.BACKEND})
    assert plain == {"code": 1005, "owner": "backend"}
    assert [type(each) for each in plain.values()] == [int, str]


def test_what_is_nested_optional_or_counted_keeps_its_type():
    sent = Outer(Inner((1, 2, 3), (4, "five")), Inner(), Counter({6: 7}))
    assert from_plain(Outer, json.loads(json.dumps(to_plain(sent)))) == sent
    assert from_plain(Outer, to_plain(Outer())) == Outer()


@pytest.mark.parametrize("values", [{}, {"inner": 3}, {"inner": {"numbers": 1, "pair": [1, "x"]}}])
def test_what_is_not_of_the_kind_is_an_error(values):
    with pytest.raises((KeyError, TypeError)):
        from_plain(Outer, values)
