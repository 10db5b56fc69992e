"""The house: imports go down the floors only, and each dependency has one door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cometrunway"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"_http", "_media", "_requests", "_tasks", "_containers", "_names"},
    {"errors", "_time_limit"},
    {"_wire", "_policy", "_budget", "_aiohttp", "_handle", "_events", "_journal", "_hazard", "_children", "_allowance"},
    {"_pace"},
    {"_scheduler", "_api", "_download", "_map"},
    {"_desk", "_delivery", "_memory"},
    {"_session"},
    {"_terminal", "__init__", "__main__", "_batch", "_cli", "_gallery", "_journal_report", "progress"},
]
FREE_TO_MEET = [{"_http", "_media", "_requests", "_tasks", "_containers", "_names"}, FLOORS[-1]]
"""Floors whose rooms may know each other: the values, and what stands outside on the public face."""
DOORS = {
    # the session only names the type of what it borrows; the gallery serves a page to this machine's browsers
    "aiohttp": {"_aiohttp", "_session", "_gallery", "emulator"},
    "backoff": {"_policy"},
    "cattrs": {"_wire"},
    "multidict": {"_aiohttp", "emulator"},
    "yarl": {"_aiohttp", "emulator"},
    "rich": {"progress"},
    "shtab": {"_cli"},
}
FORBIDDEN_ROOMS = {"utils", "helpers", "common", "types", "models", "constants", "base", "abc", "client", "config"}
AMBIENT = {
    ("time", "time"): {"_desk", "_batch", "emulator"},  # wall-clock time, for records only
    ("time", "monotonic"): set[str](),
    ("time", "perf_counter"): set[str](),
    ("time", "sleep"): {"_journal"},  # in its own thread
    ("datetime", "now"): {"emulator"},
    ("random", "random"): set[str](),
    ("random", "uniform"): set[str](),
}


def room(path: Path) -> str:
    """Return the module's room: a module of the package, or a sub-package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def imported_rooms(path: Path) -> set[str]:
    """Return the rooms of ours that a module imports from; `__init__` for the public face."""
    rooms = set()
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "cometrunway":
            first = rest.partition(".")[0]
            is_room = (PACKAGE / f"{first}.py").exists() or (PACKAGE / first).is_dir()
            rooms.add(first if is_room else "__init__")
    return rooms - {room(path)}


def floor(name: str) -> int:
    """Return the floor on which a room stands."""
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    """A room knows the floors below it, never its own or one above."""
    here = room(path)
    if here == "emulator":
        assert imported_rooms(path) == set(), "the emulator is written from the documentation, not from our code"
        return
    for other in imported_rooms(path) - {"emulator"}:
        together = any({here, other} <= rooms for rooms in FREE_TO_MEET)
        assert floor(other) < floor(here) or together, f"{here} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_dependency_has_one_door(path: Path) -> None:
    """A third-party package is imported by the rooms that are its doors, and by no other."""
    for name in imports(path):
        doors = DOORS.get(name.partition(".")[0])
        assert doors is None or room(path) in doors, f"{room(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_ambient(path: Path) -> None:
    """Time comes from the event loop and randomness from the session's generator."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            allowed = AMBIENT.get((name, node.func.attr))
            assert allowed is None or room(path) in allowed, f"{room(path)} calls {name}.{node.func.attr}()"


def test_tasks_are_made_in_one_place() -> None:
    """Every asyncio task of the library is a child of one group."""
    makers = {
        room(path)
        for path in MODULES
        if any(word in path.read_text() for word in ("create_task(", "ensure_future(", "TaskGroup("))
    }
    assert makers - {"emulator"} == {"_children"}


def test_no_room_has_a_name_that_says_nothing() -> None:
    """There is no junk drawer."""
    assert not {room(path).strip("_") for path in MODULES} & FORBIDDEN_ROOMS


def test_the_public_names_are_sorted() -> None:
    """A newcomer finds a name where the alphabet puts it."""
    import cometrunway

    assert cometrunway.__all__ == sorted(cometrunway.__all__)


def test_the_top_level_is_tidy() -> None:
    """Beside what every Python project has, nothing lies about."""
    top = {path.name for path in PACKAGE.parent.iterdir() if not path.name.startswith(".")}
    assert top <= {"pyproject.toml", "README.md", "LICENSE", "cometrunway", "tests", "docs", "noxfile.py"} | {
        "outputs",  # of the demo, ignored by git
    }
