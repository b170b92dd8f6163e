"""Where the suite lies: the locustfile with its users, shapes and conf, of which a user may have one of their own."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hubbub.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
"""From here the packages of this project can be imported: a checkout, or where it is installed."""


SUITE_VARIABLE, WORKING_FOLDER_VARIABLE = "HUBBUB_SUITE", "HUBBUB_WORKING_FOLDER"
LAUNCHER_PID, LAUNCHER_PIPE = "HUBBUB_LAUNCHER_PID", "HUBBUB_LAUNCHER_PIPE"
SOURCES, HOME = "HUBBUB_SOURCES", "HUBBUB_HOME"
"""How a process of ours tells its children which suite it found, where the user is, with whom they end, on which file
descriptor the launcher hears of a run, who gave which option, and what the home folder is once Locust has looked."""


def find_suite() -> Path:
    """The locustfile with its users, shapes and conf: of the working folder, of the checkout, or those installed."""
    told = os.environ.get(SUITE_VARIABLE)
    folders = [Path(told)] if told else [Path.cwd(), ROOT, PACKAGE / "suite"]
    return next((each for each in folders if _is_suite(each)), ROOT)


def _is_suite(folder: Path) -> bool:
    """Another project may have a locustfile and a conf, too; it has no contracts there."""
    has_contracts = any((folder / "conf" / "contracts").glob("*.toml"))
    return has_contracts and all((folder / name).exists() for name in ("locustfile.py", "users", "shapes"))


def environment_of_children(**more: str) -> dict[str, str]:
    """The environment in which our own processes find what this one has found, whatever their working folder is."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {SUITE_VARIABLE: str(SUITE), "PYTHONPATH": os.pathsep.join(paths)} | more


SUITE_FILES = ("locustfile.py", "locust.conf", "docker-compose.yml", "Dockerfile", "requirements.txt")
SUITE_FOLDERS = ("users", "shapes", "conf")
SUITE = find_suite()
CONF = SUITE / "conf"


MAX_TOML_BYTES = 1 << 20
"""What people write by hand is a thousandth of it."""


def names_in(folder: Path, pattern: str) -> tuple[str, ...]:
    """What lies in a folder is there: the names of its files, without those that begin with an underscore."""
    return tuple(sorted(path.stem for path in folder.glob(pattern) if not path.stem.startswith("_")))


def find_file(folder: Path, text: str, suffix: str = ".toml") -> Path | None:
    """The file that a text names: by its name in a folder of the suite or in the user's folder, or by its path."""
    try:
        here = Path(os.environ.get(WORKING_FOLDER_VARIABLE) or Path.cwd())
        named = (folder / f"{text}{suffix}", here / f"{text}{suffix}", here / Path(text).expanduser())
        own = named if "/" not in text else named[1:]
        return next((path for path in own if text and path.is_file()), None)
    except (OSError, ValueError, RuntimeError):  # what no file system has as a name, and the home of a stranger
        return None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, with or without a byte order mark. A hyphen in a key is the same as an underscore.

    Raises ConfigError when it is not there or is not TOML.
    """
    try:
        if path.stat().st_size > MAX_TOML_BYTES:
            raise ConfigError(f"{path} is longer than {MAX_TOML_BYTES >> 20} MiB: is it the right file?")
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name in found:
            raise ConfigError(f"{path.name}: {key} and {name if name != key else name.replace('_', '-')} are one key.")
        found[name] = value
    return found


def load_module(path: Path) -> ModuleType:
    """Run a Python file of the user's as a module. Raises whatever it raises."""
    spec = spec_from_file_location(f"hubbub_own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module  # as dataclasses need it
    spec.loader.exec_module(module)
    return module


def check_keys(values: Iterable[str], known: Iterable[str], path: Path) -> None:
    """Raise ConfigError if `values` has a key that is not `known`."""
    names = sorted(known)
    for name in values:
        if name not in names:
            raise ConfigError(f"{path.name}: there is no key {name!r}; the keys are {', '.join(names)}.")
