"""Imports go one way. The allowed edges are data; an edge that is not listed here needs a reason and a line."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = {
    "errors": set(),
    "wire": set(),
    "exit_code": set(),
    "clock": {"errors"},
    "suite": set(),
    "config": {"clock", "errors", "suite"},
    "metrics": {"config", "clock", "errors"},
    "pacing": {"config", "clock", "errors"},
    "health": {"metrics", "config", "clock", "errors"},
    "ledger": {"metrics", "config", "clock", "errors"},
    "contracts": {"config", "clock", "errors"},
    "transport": {"config", "clock", "errors"},
    "accounts": {"contracts", "config", "clock", "errors"},
    "corpus": {"ledger", "config", "clock", "errors"},
    "requests_client": {"accounts", "config", "errors"},
    "canary": {"accounts", "requests_client", "contracts", "ledger", "metrics", "clock", "errors"},
    "session": {
        "accounts", "transport", "contracts", "health", "ledger", "metrics", "pacing", "config", "clock", "errors",
    },
    "history": {"session", "accounts", "contracts", "ledger", "config", "clock", "errors"},
    "report": {"exit_code", "health", "ledger", "metrics", "pacing", "config", "clock", "errors"},
    "swarm": {
        "suite", "session", "wire", "exit_code", "history", "corpus", "canary", "requests_client", "health", "report",
        "accounts", "transport", "contracts", "ledger", "metrics", "pacing", "config", "clock", "errors",
    },
    "__main__": {"suite", "config", "clock", "errors", "exit_code", "report"},
}  # fmt: skip
"""For each part of hubbub, the other parts it may import."""

OUTSIDE = {
    "users": {"hubbub", "users"},
    "shapes": {"hubbub", "shapes"},
    "backend": {"backend"},
    "examples": {"hubbub", "users"},
    "locustfile.py": {"hubbub", "users", "shapes"},
}
"""For each top-level package, the project's packages it may import."""

PURE = ("ledger", "metrics", "pacing", "report", "contracts")
IMPURE_MODULES = {"socket", "gevent", "locust", "time", "random", "asyncio", "requests", "websocket", "subprocess"}


def imported(path: Path) -> set[str]:
    """The absolute names of all modules that a file imports, TYPE_CHECKING ones included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def files_of(name: str) -> list[Path]:
    path = ROOT / name
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "hubbub").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files_of("hubbub"), ids=str)
def test_hubbub_imports_only_what_its_layer_may(path):
    layer = layer_of(path)
    if layer == "__init__":
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "hubbub" and len(parts) > 1 and parts[1] != "__version__":
            assert parts[1] == layer or parts[1] in LAYERS[layer], f"{path} imports {name}"
        assert parts[0] not in OUTSIDE, f"{path} imports {name}"


@pytest.mark.parametrize("package", OUTSIDE)
def test_packages_import_only_what_they_may(package):
    known = {"hubbub", *OUTSIDE}
    for path in files_of(package):
        for name in imported(path):
            top = name.split(".")[0]
            assert top not in known or top in OUTSIDE[package], f"{path} imports {name}"


@pytest.mark.parametrize("layer", PURE)
def test_pure_layers_touch_no_socket_clock_or_randomness(layer):
    for path in files_of(f"hubbub/{layer}"):
        impure = {name.split(".")[0] for name in imported(path)} & IMPURE_MODULES
        assert not impure, f"{path} imports {impure}"


def test_only_swarm_and_users_import_locust():
    for path in files_of("hubbub"):
        if layer_of(path) != "swarm":
            assert not any(name.split(".")[0] == "locust" for name in imported(path)), path


def test_source_files_stay_readable():
    for name in ("hubbub", "users", "shapes", "backend"):
        for path in files_of(name):
            assert len(path.read_text().splitlines()) <= 450, f"{path} is too long: split it"
