"""Imports go one way. The edges are data, exactly those that are used: a new one needs a reason and a line."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

EDGES = {
    "__init__": {"bridge", "contracts", "errors", "pacing", "report", "version"},
    "__main__": {"cli"},
    "bench": {"clock", "transport", "users"},
    "bridge": {
        "client", "clock", "contracts", "errors", "exit_code", "ledger", "metrics", "option_kinds", "option_rows",
        "options", "pacing", "run", "spelling", "suite",
    },
    "canary": {
        "client", "clock", "contracts", "errors", "ledger", "metrics", "option_kinds", "suite", "transport",
    },
    "cli": {
        "contracts", "errors", "exit_code", "launcher", "option_kinds", "options", "report", "run", "spelling", "suite",
        "synonyms", "version",
    },
    "client": {"clock", "contracts", "errors", "health", "ledger", "metrics", "options", "pacing", "transport"},
    "clock": {"errors"},
    "contracts": {"clock", "errors", "spelling", "suite"},
    "examples": {"__init__", "users"},
    "health": {"clock", "metrics"},
    "launcher": {"errors", "exit_code", "options", "run", "suite"},
    "ledger": {"clock", "metrics"},
    "locustfile.py": {"__init__", "shapes", "users"},
    "metrics": {"errors"},
    "option_kinds": {"clock", "errors"},
    "option_rows": {"errors", "option_kinds", "spelling", "suite"},
    "options": {"errors", "option_kinds", "option_rows", "profiles", "suite"},
    "pacing": {"errors"},
    "profiles": {"errors", "spelling", "suite"},
    "report": {"clock", "errors", "exit_code", "health", "ledger", "metrics", "options"},
    "run": {
        "canary", "client", "clock", "contracts", "errors", "exit_code", "health", "ledger", "metrics", "options",
        "profiles", "report", "serialization", "suite", "transport", "version",
    },
    "setup.py": {"suite"},
    "shapes": {"__init__"},
    "suite": {"errors"},
    "synonyms": {"errors", "options"},
    "transport": {"clock", "errors", "option_kinds"},
    "users": {"__init__", "ledger", "pacing"},
}  # fmt: skip
"""For each part, the other parts that it imports."""

PARTS = {"users", "shapes", "backend", "bench", "examples", "locustfile.py", "setup.py"}
"""What lies beside hubbub/."""

PURE = ("ledger", "metrics", "pacing", "report", "contracts", "health")
IMPURE_MODULES = {"socket", "gevent", "locust", "random", "asyncio", "requests", "websocket", "subprocess"}
MAX_LINES = 400


@cache
def imported(path: Path) -> set[str]:
    """The absolute names of all modules that a file imports, TYPE_CHECKING ones included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files_of(name: str) -> list[Path]:
    path = ROOT / name
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def part_of(path: Path) -> str:
    """A folder or module of hubbub, or a folder or file beside it."""
    parts = path.relative_to(ROOT).parts
    return parts[1].removesuffix(".py") if parts[0] == "hubbub" else parts[0]


@cache
def part_named(module: str) -> str | None:
    """The part that a module's name leads into; None where it is none of ours."""
    top, _, rest = module.partition(".")
    if top != "hubbub":
        return top if top in PARTS else None
    first = rest.split(".")[0]
    return first if any((ROOT / "hubbub" / name).exists() for name in (first, f"{first}.py")) else "__init__"


def sources() -> list[Path]:
    return [path for name in ("hubbub", *sorted(PARTS)) for path in files_of(name) if "node_modules" not in path.parts]


@cache
def used_edges() -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {}
    for path in sources():
        own = part_of(path)
        targets = {part_named(name) for name in imported(path)} - {None, own}
        edges.setdefault(own, set()).update(targets)
    return edges


def test_the_edges_are_exactly_those_that_are_used():
    assert {part: targets for part, targets in used_edges().items() if targets} == EDGES


def test_imports_between_parts_have_no_circle():
    TopologicalSorter(used_edges()).prepare()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FOLDERS = sorted({path.parent for path in files_of("hubbub")} | {ROOT / "users", ROOT / "shapes", ROOT / "backend"})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_imports_inside_a_folder_have_no_circle(folder):
    files = {module_of(path): path for path in folder.glob("*.py") if path.name != "__init__.py"}
    edges = {}
    for module, path in files.items():
        edges[module] = {known for known in files for name in imported(path) if f"{name}.".startswith(f"{known}.")}
    TopologicalSorter({module: targets - {module} for module, targets in edges.items()}).prepare()


@pytest.mark.parametrize("part", PURE)
def test_pure_parts_touch_no_socket_gevent_or_randomness(part):
    for path in files_of(f"hubbub/{part}"):
        impure = {name.split(".")[0] for name in imported(path)} & IMPURE_MODULES
        assert not impure, f"{path} imports {impure}"


def test_only_the_bridge_imports_locust_and_flask():
    for path in sources():
        if part_of(path) != "bridge" and "peers" not in path.parts:
            names = {name.split(".")[0] for name in imported(path)}
            assert not names & {"locust", "flask", "werkzeug"}, path


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES, "split it"


MODULES = [path for name in ("hubbub", "users") for path in files_of(name) if not path.name.startswith("__")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_a_test_file_of_its_name(path):
    relative = path.relative_to(ROOT)
    assert (ROOT / "tests" / relative.parent / f"test_{relative.name}").is_file()


@pytest.mark.parametrize("path", files_of("tests"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_name_of_a_test_is_a_short_rule(path):
    functions = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    long = [name for name in functions if name.startswith("test_") and len(name.removeprefix("test_")) >= 60]
    assert not long


if __name__ == "__main__":
    for part, targets in sorted(used_edges().items()):
        if targets:
            print(f'    "{part}": {{{", ".join(sorted(repr(target) for target in targets))}}},'.replace("'", '"'))
