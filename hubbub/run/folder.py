"""A run's folder: where the results of one run lie, written as they come."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hubbub.errors import ConfigError
from hubbub.suite import WORKING_FOLDER_VARIABLE
from hubbub.version import __version__


def versions() -> dict[str, str]:
    """What this run was made with."""
    packages = ("locust", "gevent", "websocket-client", "geventhttpclient")
    return {"hubbub": __version__, "python": platform.python_version()} | {name: version(name) for name in packages}


def make_folder(wanted: str, profile: str) -> Path:
    """The folder `wanted`, or a new one in ./runs. Raises ConfigError when it cannot be written or is not empty."""
    if wanted:
        folder = Path(wanted)
    else:
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{profile}"
        folder = next(
            path
            for path in _candidates(Path(os.environ.get(WORKING_FOLDER_VARIABLE, "")).absolute() / "runs" / stem)
            if not path.exists()
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"run-dir must be empty or absent, and {folder} has files in it.")
        probe = folder / "config.json"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"run-dir must be a folder that can be written: {folder} ({error.strerror}).") from error
    return folder


def _candidates(path: Path) -> Any:
    yield path
    for number in range(2, 1_000):
        yield path.with_name(f"{path.name}-{number}")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write one JSON file, whole or not at all."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.rename(path)
