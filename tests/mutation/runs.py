"""Runs tests on a copy of the project, each time in a process that is forked from this one, which has imported pytest.

This process imports nothing of the project, so that each run imports the copy as it is then.
"""

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import define, field, frozen

from tests.mutation.sample import ROOT

PRELOADED = ("aiohttp.web", "anyio", "backoff", "cattrs", "hypothesis.strategies", "PIL.Image", "rich.console", "yarl")
"""Third-party modules that are imported once, for they take longer than most tests."""
ARGUMENTS = (
    *("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "--basetemp=temporary", "--hypothesis-seed=0"),
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)
COPIED = ("cometrunway", "tests", "docs", "pyproject.toml", "README.md", "noxfile.py")
MEMORY = 6 * 1024**3
"""The largest address space of a run, in bytes."""
CPU = 5.0, 10
"""A test may use this many seconds of CPU time, and this many times what it uses without a change."""
PATIENCE = 25.0, 30
"""A test may last this many seconds, and this many times its seconds of CPU time without a change."""
BY_TIME = "its time limit"
BY_IMPORT = "the import of its module"


@frozen
class Baseline:
    """What the tests of a package do without a change.

    Args:
        seconds: the CPU time of each test, by its id.
        tests_of: the ids of the tests that run a line, by the path of the module and the number of the line.
        failed: the ids of the tests that fail.
    """

    seconds: dict[str, float]
    tests_of: dict[str, dict[int, list[str]]]
    failed: list[str]


@define(eq=False)
class _Watch:
    """A plugin of pytest that runs chosen tests in an order, each within its limits, and records those that fail."""

    seconds: dict[str, float]
    order: dict[str, int]
    on_test: Callable[[str], object]
    failed: list[str] = field(factory=list)
    took: dict[str, float] = field(factory=dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.order:
            items[:] = sorted(
                (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.on_test(item.nodeid)
        usual = self.seconds.get(item.nodeid, 30.0)
        signal.setitimer(signal.ITIMER_PROF, CPU[0] + CPU[1] * usual)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE[0] + PATIENCE[1] * usual)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.took[item.nodeid] = time.process_time() - began
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(BY_IMPORT)


@contextlib.contextmanager
def copy() -> Iterator[Path]:
    """Copy the project, to be changed."""
    with TemporaryDirectory(prefix="mutants-") as folder:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__", "_build"))
            else:
                shutil.copy(source, folder)
        yield Path(folder)


def baseline(root: Path, package: str) -> Baseline:
    """Run all tests of a package in a copy, and return what each does."""

    def measured() -> dict[str, Any]:
        from coverage import Coverage

        watched = root / "cometrunway" / f"_{package}"
        measure = Coverage(data_file=None, config_file=False, source=[str(watched)])
        watch = _Watch({}, {}, measure.switch_context)
        measure.start()
        _tests([f"tests/{package}"], watch, stop=False)
        measure.stop()
        data = measure.get_data()
        tests_of = {
            Path(name).relative_to(root).as_posix(): {
                line: [test for test in tests if test] for line, tests in data.contexts_by_lineno(name).items()
            }
            for name in data.measured_files()
        }
        return {"seconds": watch.took, "tests_of": tests_of, "failed": watch.failed}

    found = _in_fork(root, measured)
    assert found is not None, f"the tests of {package} do not end"
    assert found["seconds"], f"the tests of {package} do not run: {(root / 'output.txt').read_text()}"
    tests_of = {name: {int(line): tests for line, tests in lines.items()} for name, lines in found["tests_of"].items()}
    return Baseline(found["seconds"], tests_of, found["failed"])


def killer(root: Path, tests: Sequence[str], seconds: dict[str, float]) -> str | None:
    """Run tests in a copy, in their order; return the first that fails, or what else ends them, or None."""
    if not tests:
        return None
    files = sorted({test.partition("::")[0] for test in tests})
    order = {test: number for number, test in enumerate(tests)}

    def first_failed() -> dict[str, Any]:
        watch = _Watch(seconds, order, lambda _: None)
        code = _tests(files, watch, stop=True)
        return {"code": int(code), "failed": watch.failed, "ran": len(watch.took)}

    ended = _in_fork(root, first_failed)
    if ended is None:
        return BY_TIME
    if ended["failed"]:
        return str(ended["failed"][0])
    if ended["code"] == 0 and ended["ran"] == len(order):
        return None
    return BY_IMPORT


def _tests(files: Sequence[str], watch: _Watch, *, stop: bool) -> int:
    arguments = ARGUMENTS if stop else ARGUMENTS[1:]
    return pytest.main([*arguments, *files], plugins=[watch])


def preload() -> None:
    """Import what each run needs."""
    for name in PRELOADED:
        importlib.import_module(name)


def _in_fork(root: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Return what a function returns in a process of its own, in a copy; None if it does not end by itself."""
    answer = root / "answer.json"
    answer.unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        os.setsid()
        code = 1
        try:
            _enter(root)
            answer.write_text(json.dumps(work()))
            code = 0
        except SystemExit:
            answer.write_text(json.dumps({"code": 1, "failed": [], "ran": 0}))
        finally:
            os._exit(code)
    os.waitpid(process, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    return json.loads(answer.read_text()) if answer.exists() else None


def _enter(root: Path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in {"tests", "cometrunway"}]:
        del sys.modules[name]
    sys.path[:] = [str(root), *(path for path in sys.path if path and Path(path).resolve() != ROOT)]
    os.environ["PYTHONPATH"] = str(root)
    os.chdir(root)
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    from hypothesis import settings

    settings.register_profile("mutants", deadline=None, database=None, suppress_health_check=[])
    settings.load_profile("mutants")
