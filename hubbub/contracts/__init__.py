"""How a backend is spoken to: the interface of a contract, and the contracts there are.

A contract is pure: it makes HTTP calls as data, reads their answers, makes frames to send and recognises frames that
arrive. It owns every name and number of one kind of backend; the rest of the library knows no backend by name.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hubbub.contracts.base import Contract, Credentials, Dialogue, Identity, Opening, Phase, Upgrade
from hubbub.contracts.calls import Call, HttpRequest, Id, Script, perform
from hubbub.contracts.declarative import Declarative
from hubbub.contracts.events import AnyEvent, Delivery, Event, EventKind, Frame
from hubbub.contracts.grammar import TOP, check, normalised
from hubbub.errors import ConfigError, described
from hubbub.suite import CONF, WORKING_FOLDER_VARIABLE, check_keys, find_file, load_module, read_toml

__all__ = [
    "AnyEvent",
    "Call",
    "Contract",
    "Credentials",
    "Delivery",
    "Dialogue",
    "Event",
    "EventKind",
    "Frame",
    "HttpRequest",
    "Id",
    "Identity",
    "Opening",
    "Phase",
    "Script",
    "Upgrade",
    "load_contract",
    "perform",
]

NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


def load_contract(name: str, delivery_type: str = "", changes: Mapping[str, Any] = NO_CHANGES) -> Contract:
    """The contract of a name in conf/contracts, of a TOML or Python file, or of `package.module:Class`.

    A TOML file describes how a backend is spoken to, or names a class and has its settings. `changes` come instead of
    the file's settings, and so does `delivery_type`. Raises ConfigError with one sentence, whatever is wrong.
    """
    folder = CONF / "contracts"
    changes = dict(changes) | ({"delivery_type": delivery_type} if delivery_type else {})
    if (source := find_file(folder, name, ".py")) is not None and source.suffix == ".py":
        return _changed(_of_file(source), changes)
    if ":" in name and find_file(folder, name) is None:
        return _changed(_made_by(name, "contract"), changes)
    path = find_file(folder, name) or folder / f"{name}.toml"
    values = read_toml(path)
    if "class" in values:
        contract = _made_by(values.pop("class"), f"{path.name}: class")
        check_keys(values, contract.settings, path)
        contract.settings |= values
        return _changed(contract, changes)
    values, text = normalised(values), path.read_text(encoding="utf-8-sig")
    check(values, path, text)
    if changes:
        for key in changes:
            if key not in TOP:
                raise _no_setting(key, path.stem, TOP)
        values |= changes
        check(values, path, text)
    return Declarative(path.stem, values)


def _changed(contract: Contract, changes: Mapping[str, Any]) -> Contract:
    for key, value in changes.items():
        if key not in contract.settings:
            raise _no_setting(key, contract.name, contract.settings)
        contract.settings[key] = value
    return contract


def _no_setting(key: str, name: str, known: Iterable[str]) -> ConfigError:
    if key == "delivery_type":
        return ConfigError(f"delivery-type cannot be set: the contract {name!r} has one type of delivery.")
    return ConfigError(
        f"contract-set: the contract {name!r} has no setting {key!r}; it has {', '.join(known) or 'none'}."
    )


def _made_by(wanted: Any, what: str) -> Contract:
    """A contract of the class that is named as `package.module:Class`; whatever goes wrong is one sentence."""
    module, _, name = str(wanted).partition(":")
    here = os.environ.get(WORKING_FOLDER_VARIABLE) or os.getcwd()
    try:
        if here not in sys.path:
            sys.path.append(here)
        contract = getattr(importlib.import_module(module), name)()
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f'{what} must name a contract, such as "hubbub.contracts.sanctum:Sanctum", not {wanted!r} '
            f"({type(error).__name__}: {error})."
        ) from error
    return _checked(contract, f"{what} {wanted!r}")


def _of_file(path: Path) -> Contract:
    """A contract of the one class of a Python file that is made from Contract."""
    try:
        module = load_module(path)
        own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
        found = [each for each in own if issubclass(each, Contract)]
        contract = found[0]() if len(found) == 1 else None
    except (Exception, SystemExit) as error:
        raise ConfigError(f"contract {path}: it cannot be made: {described(error)}.") from error
    if contract is None:
        names = ", ".join(each.__name__ for each in found) or "none"
        raise ConfigError(f"contract {path}: expected one class that is made from hubbub.Contract, found {names}.")
    return _checked(contract, f"contract {path}")


def _checked(contract: Any, what: str) -> Contract:
    if not isinstance(contract, Contract) or type(contract) is Contract:
        raise ConfigError(f"{what} is no contract: it must be a class made from Contract.")
    contract.name = contract.name or type(contract).__name__
    return contract
