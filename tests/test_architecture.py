"""The architecture: imports go down only, a dependency is imported in one place, tests are laid out like the code."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cometrunway"
TESTS = Path(__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

LEVELS = [
    {"_paths", "_displays", "_plurals", "_async_only", "_keywords", "_tracebacks", "_callers"},
    {"_task_group", "_signals", "_terminal", "_file_locks", "_threads", "_media"},
    {"_requests", "_tasks"},
    {"errors", "_asset_response", "_outcome"},
    {"_wire", "_policies", "_handle", "_events"},
    {"_transport", "_object_storage", "_budget", "_journal", "_event_stream"},
    {"_callbacks", "_shared_tasks"},
    {"_submission", "_polling", "_delivery", "_telemetry"},
    {"_composition"},
    {"_lifetime"},
    {"_session"},
    {"_generate"},
    {"_public"},
    {"__init__", "_pytest_plugin"},
    {"progress"},
    {"_batch", "fleet"},
    {"_gallery", "_report"},
    {"_notebook"},
    {"_cli"},
    {"__main__"},
]
"""What may be imported: only what stands above it here. The emulator imports nothing of ours."""
UPWARD = ("cometrunway._displays", "cometrunway._notebook")
"""The one import that goes up: a value asks for its display in a notebook, which is imported at that moment."""
LONGEST_CHAIN = 20
"""Modules on the longest chain of imports."""
DOORS = {
    # the session only names the type of what it borrows; the gallery serves a page to this machine's browsers;
    # callbacks come in through an application of aiohttp.web, if the user wants one
    "aiohttp": {"_transport", "_composition", "_session", "_gallery", "_callbacks", "emulator"},
    "backoff": {"_policies"},
    "cattrs": {"_wire"},
    "multidict": {"_transport", "emulator"},
    "yarl": {"_transport", "emulator"},
    "obstore": {"_object_storage"},
    "PIL": {"_media"},
    "pillow_heif": {"_media"},
    "psycopg": {"_journal", "fleet"},  # blocking there, asyncio here
    "psycopg_pool": {"fleet"},
    "procrastinate": {"fleet"},
    "aiohttp_socks": {"_transport"},
    "python_socks": {"_transport"},
    "opentelemetry": {"_telemetry"},
    "pytest": {"_pytest_plugin"},
    "pytest_asyncio": {"_pytest_plugin"},
    "rich": {"progress"},
    "shtab": {"_cli"},
    "PyInstaller": {"_cli"},
}
FORBIDDEN_NAMES = {
    *(
        "utils",
        "helpers",
        "common",
        "types",
        "models",
        "constants",
        "base",
        "abc",
        "compat",
        "sync",
        "client",
        "config",
    ),
}
AMBIENT = {
    # wall-clock time, for records only
    ("time", "time"): {
        "_submission",
        "_delivery",
        "_polling",
        "_events",
        "_event_stream",
        "_journal",
        "_shared_tasks",
        "_batch",
        "_telemetry",
        "emulator",
    },
    ("time", "monotonic"): {"_journal"},  # in its own thread
    ("time", "perf_counter"): set[str](),
    ("time", "sleep"): {"_journal"},  # in its own thread
    ("datetime", "now"): {"emulator"},
    ("random", "random"): set[str](),
    ("random", "uniform"): set[str](),
}
OF_THE_WHOLE = {
    "architecture": "the structure of the code",
    "benchmarks": "the page of benchmarks against its data",
    "docs": "the examples of README.md and docs/",
    "interpreter_options": "the package under `-OO` and `-W error`",
    "official_sdk": "Runway's own SDK against the emulator",
    "fleet": "processes that share a journal in PostgreSQL, killed with SIGKILL, and its server restarted",
    "kill": "batches whose process is killed",
    "machines": "file systems, locks, descriptors and disks as they are",
    "security": "what a run leaves behind, of any of our modules",
    "two_thousand": "two thousand tasks at once",
}
"""Tests that belong to no module, and what they are about."""
WITHOUT_TESTS = {
    "_cli/pyinstaller/hook-cometrunway.py": "`nox -s bundle` makes a program with it",
    "_gallery/_errors.py": "a class without behaviour",
    "_gallery/_source.py": "a protocol; its two sources have tests",
    "_journal/_schema.py": "the SQL of tables and indexes, which the tests of upgrades and of records compare",
    "_journal/_store.py": "protocols; both stores have tests",
    "_submission/_prepared_file.py": "a record; the tests of local files read what is put into it",
}
"""Modules without tests of their own name, and why."""
USES_ALL = "import cometrunway; from cometrunway import *; print({*cometrunway.__all__} <= {*globals()})"


def package_of(path: Path) -> str:
    """Return the module or sub-package of the top level that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    """Return the full name of a module."""
    parts = ("cometrunway", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(takewhile(lambda part: part != "__init__", parts))


BY_NAME = {name_of(path): path for path in MODULES}


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def imported_modules(path: Path) -> set[str]:
    """Return the names of the modules of ours that a module imports."""
    found = set()
    for name in imports(path):
        owner = name if name in BY_NAME else name.rpartition(".")[0]
        if owner in BY_NAME and not (name_of(path) == UPWARD[0] and owner.startswith(UPWARD[1])):
            found.add(owner)
    return found


def level(package: str) -> int:
    """Return where a package stands; a higher number may import a lower one."""
    return next(number for number, packages in enumerate(LEVELS) if package in packages)


@cache
def longest_chain(name: str) -> tuple[str, ...]:
    """Return the longest chain of imports that begins with a module."""
    chains = (longest_chain(other) for other in imported_modules(BY_NAME[name]) - {name})
    return (name, *max(chains, key=len, default=()))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    """A package knows those below it, and never one beside or above it."""
    here = package_of(path)
    others = {package_of(BY_NAME[name]) for name in imported_modules(path)} - {here}
    if here == "emulator":
        assert others == set(), "the emulator is written from the documentation, not from our code"
        return
    for other in others - {"emulator"}:
        assert level(other) < level(here), f"{here} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_import_names_the_module_that_defines(path: Path) -> None:
    """The public package is for users. Internal modules do not import its names."""
    assert "cometrunway" not in imported_modules(path)


def test_no_chain_of_imports_is_long() -> None:
    """From the command down to the values there are few steps, and no circle."""
    chain = max((longest_chain(name) for name in BY_NAME), key=len)
    assert len(chain) <= LONGEST_CHAIN, " -> ".join(chain)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_says_what_lives_there(path: Path) -> None:
    """The docstring of a sub-package names what it may import and where to begin; a private one holds nothing else."""
    tree = ast.parse(path.read_text())
    text = ast.get_docstring(tree) or ""
    if path.parent.name.startswith("_"):
        assert len(tree.body) == 1
        assert "import" in text.lower()
        first = re.search(r"Begin with `(\w+\.py)`", " ".join(text.split()))
        assert first, "it does not say where to begin"
        assert (path.parent / first[1]).exists()
    assert text


def subjects_of(path: Path) -> set[Path]:
    """Return the modules that a test file may test, by its name; they need not exist."""
    folder, words = path.relative_to(TESTS).parent, path.stem.removeprefix("test_").split("_")
    folders = {PACKAGE / folder, PACKAGE.joinpath(*(f"_{part}" for part in folder.parts))}
    names = {"_".join(words[:number]) for number in range(1, len(words) + 1)}
    return {place / f"{mark}{name}.py" for place in folders for name in names for mark in ("", "_")}


def test_tests_are_laid_out_like_the_package() -> None:
    """`tests/wire/test_decode.py` tests `cometrunway/_wire/_decode.py`; `test_decode_more.py` would, too."""
    for path in sorted(TESTS.rglob("test_*.py")):
        folder, subject = path.relative_to(TESTS).parent.as_posix(), path.stem.removeprefix("test_")
        is_of_the_whole = folder == "." and subject in OF_THE_WHOLE
        if not is_of_the_whole and folder not in {"browser", "frameworks", "mutation", "real_faults", "simulation"}:
            assert any(module.exists() for module in subjects_of(path)), f"{path} tests no module by its name"


def test_each_module_has_tests_of_its_name() -> None:
    """A reader who changes a module finds its tests by its name."""
    tested = {module for path in TESTS.rglob("test_*.py") for module in subjects_of(path)}
    modules = {path for path in MODULES if path.stem not in {"__init__", "__main__"}}
    without = {path.relative_to(PACKAGE).as_posix() for path in modules - tested}
    assert without == set(WITHOUT_TESTS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_dependency_has_one_door(path: Path) -> None:
    """A third-party package is imported by the rooms that are its doors, and by no other."""
    for name in imports(path):
        doors = DOORS.get(name.partition(".")[0])
        assert doors is None or package_of(path) in doors, f"{package_of(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_ambient(path: Path) -> None:
    """Time comes from the event loop and randomness from the session's generator."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            allowed = AMBIENT.get((name, node.func.attr))
            assert allowed is None or package_of(path) in allowed, f"{package_of(path)} calls {name}.{node.func.attr}()"


def test_tasks_are_made_in_one_place() -> None:
    """Every asyncio task of the library is a child of one group."""
    makers = {
        package_of(path)
        for path in MODULES
        if any(word in path.read_text() for word in ("create_task(", "ensure_future(", "TaskGroup("))
    }
    assert makers - {"emulator"} == {"_task_group"}


def test_no_module_has_a_name_that_says_nothing() -> None:
    """No module collects what belongs elsewhere."""
    assert not {path.stem.strip("_") for path in MODULES} & FORBIDDEN_NAMES


def test_the_public_names_are_sorted() -> None:
    """A newcomer finds a name where the alphabet puts it."""
    import cometrunway

    assert cometrunway.__all__ == sorted(cometrunway.__all__)


def test_the_package_loads_its_names_when_the_first_is_used() -> None:
    """What imports the package and uses no name of it, such as pytest, loads no other module of it, and no aiohttp."""
    loaded = "print(sorted(name for name in sys.modules if name.partition('.')[0] in ('cometrunway', 'aiohttp')))"
    for program, expected in ((f"import cometrunway, sys; {loaded}", "['cometrunway']"), (USES_ALL, "True")):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == expected


def test_the_top_level_is_tidy() -> None:
    """Beside what every Python project has, nothing lies about."""
    top = {path.name for path in PACKAGE.parent.iterdir() if not path.name.startswith(".")}
    assert top <= {"pyproject.toml", "README.md", "LICENSE", "cometrunway", "tests", "docs", "noxfile.py"} | {
        "outputs",  # of the demo, ignored by git
        "PKG-INFO",  # of an unpacked source distribution
    }
