"""Kinds of users, one per file."""

from __future__ import annotations

import importlib
import pkgutil

from hubbub import ChatUser


def all_users() -> dict[str, type[ChatUser]]:
    """Every user class of the files in this folder that is not abstract, by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {
        name: kind
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, ChatUser) and not kind.abstract
    }
