"""Load shapes: how the number of clients changes over time. One file per shape, with a function of its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from hubbub import Curve


def all_shapes() -> dict[str, Callable[[int, int], Curve]]:
    """Every shape in this folder by name: it makes a curve from a peak number of clients and a duration in us."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    return {name: getattr(importlib.import_module(f"{__name__}.{name}"), name) for name in names}
