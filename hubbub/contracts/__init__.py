"""How a backend is spoken to: the interface of a contract, and the contracts there are.

A contract is pure: it makes HTTP calls as data, reads their answers, makes frames to send and recognises frames that
arrive. It owns every name and number of one kind of backend; the rest of the library knows no backend by name.
"""

from __future__ import annotations

from hubbub.config import CONF, check_keys, read_toml
from hubbub.contracts.base import (
    Call,
    Contract,
    Delivery,
    Event,
    EventKind,
    Identity,
    Phase,
)
from hubbub.contracts.minimal import Minimal
from hubbub.contracts.sanctum import Sanctum

CONTRACTS: dict[str, type[Contract]] = {"sanctum": Sanctum, "minimal": Minimal}

__all__ = ["CONTRACTS", "Call", "Contract", "Delivery", "Event", "EventKind", "Identity", "Phase", "load_contract"]


def load_contract(name: str) -> Contract:
    """The contract `name` with its settings from conf/contracts. Raises ConfigError for a key that does not exist."""
    path = CONF / "contracts" / f"{name}.toml"
    contract = CONTRACTS[name]()
    values = read_toml(path)
    check_keys(values, contract.settings, path)
    contract.settings |= values
    return contract
