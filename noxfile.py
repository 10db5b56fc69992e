"""Everything that is checked, by name: `nox` runs the checks, `nox -l` lists all sessions."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests"]

HEAVY = (
    "tests/object_storage",
    "tests/real_faults",
    "tests/delivery/test_bucket_output.py",
    "tests/emulator/test_official.py",
    "tests/simulation",
    "tests/gallery/test_feed_large.py",
    "tests/callbacks/test_receiver_forged.py",
    "tests/callbacks/test_receiver_lag.py",
    "tests/polling/test_scheduler_cancel.py",
    "tests/test_kill.py",
    "tests/test_two_thousand.py",
    "tests/test_docs.py",
    "tests/test_interpreter_options.py",
    "tests/test_lifetime_processes.py",
    "tests/transport/test_connections_processes.py",
    "tests/cli/test_answers.py",
    "tests/cli/test_batches.py",
    "tests/cli/test_bundle.py",
    "tests/cli/test_main.py",
    "tests/cli/test_report.py",
    "tests/cli/test_resumption.py",
    "tests/cli/test_supervision.py",
)
PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests, four at a time, because most of the time they wait; arguments go to pytest.

    The simulations, real faults, large galleries in the development mode, a storage, the emulator's sounds, kills,
    restarts, thousands of callbacks, races and tasks, the examples of the docs, and the hundreds of processes of the
    command take long, and run on the first Python only.
    """
    session.install("-e", ".[test]")
    left_out = [f"--ignore={path}" for path in HEAVY if session.python != PYTHONS[0]]
    session.run("python", "-m", "pytest", "-n", "4", *left_out, *session.posargs, env={"PYTHONDEVMODE": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff>=0.11")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types strictly, and that every public name has a type for its users."""
    session.install("-e", ".[dev]", "pyright[nodejs]>=1.1.400")
    session.run("mypy")
    session.run("pyright", "--verifytypes", "cometrunway", "--ignoreexternal")


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest version that pyproject.toml allows of each dependency and extra."""
    session.install("uv>=0.5")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", "-e", ".[test]")
    left_out = [f"--ignore={path}" for path in HEAVY]
    session.run("python", "-m", "pytest", "-n", "4", *left_out, *session.posargs)


@nox.session
def sdist(session: nox.Session) -> None:
    """Build the same wheel from the tree and from the source distribution, whose tests pass; arguments go to pytest."""
    session.install("hatchling")
    with TemporaryDirectory() as folder:
        session.run("hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder)
        [archive], [wheel] = Path(folder).glob("*.tar.gz"), Path(folder).glob("*.whl")
        shutil.unpack_archive(archive, folder, filter="data")
        session.chdir(Path(folder, archive.name.removesuffix(".tar.gz")))
        session.run("hatchling", "build", "-t", "wheel", "-d", "../rebuilt")
        if _members(wheel) != _members(Path(folder, "rebuilt", wheel.name)):
            session.error(f"the source distribution does not build the {wheel.name} of the tree")
        session.install("-e", ".[test]")
        session.run("python", "-m", "pytest", "-n", "4", *session.posargs)


def _members(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as a site, docs/_build/html, without a network; warnings and dead links are errors."""
    session.install("--no-compile", "-e", ".[docs]")
    strict = ("-W", "--keep-going", "-n", "-q", "-j", "2")
    session.run("python", "-m", "sphinx", *strict, "-b", "html", "docs", "docs/_build/html")
    session.run("python", "-m", "tests.documentation.built", "docs/_build/html")


@nox.session
def pictures(session: nox.Session) -> None:
    """Renew the pictures of the documentation: a batch on a terminal, and a gallery in a browser."""
    session.install("-e", ".[browser]", "pyte>=0.8.2")
    executable = _chromium() or _installed_chromium(session) or session.error("there is no Chromium that starts")
    session.run("python", "-m", "tests.documentation.pictures", env={"COMETRUNWAY_BROWSER": executable})


@nox.session
def browser(session: nox.Session) -> None:
    """Test the gallery in a real browser: this machine's Chromium, or Debian's, installed where that is possible."""
    executable = _chromium() or _installed_chromium(session)
    if executable is None:
        session.skip("NOT TRIED: there is no Chromium here that starts, and none can be installed without apt and root")
    session.install("-e", ".[browser]")
    session.run(
        "python", "-m", "pytest", "-q", "tests/browser", *session.posargs, env={"COMETRUNWAY_BROWSER": executable}
    )


@nox.session
def notebook(session: nox.Session) -> None:
    """Run notebooks in real kernels, and show one in a browser if there is one; read and write data frames."""
    session.install("-e", ".[notebook]")
    executable = _chromium() or _installed_chromium(session)
    tests = ("tests/notebook", "tests/wire/test_records_frames.py")
    chosen = {"COMETRUNWAY_BROWSER": executable} if executable else {}
    session.run("python", "-m", "pytest", "-q", "-n", "2", *tests, *session.posargs, env=chosen)


def _chromium() -> str | None:
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")))
    return next((executable for executable in found if _starts(executable)), None)


def _starts(executable: str) -> bool:
    """Whether it is a browser; on some systems the name is only a pointer to where one could be had."""
    return subprocess.run([executable, "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603


def _installed_chromium(session: nox.Session) -> str | None:
    _install(session, "chromium")
    return _chromium()


def _install(session: nox.Session, package: str) -> None:
    """Install one of Debian's packages, where that is possible."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    for arguments in (("update", "-qq"), ("install", "-y", "-qq", package)):
        session.run(apt, *arguments, external=True, silent=True, success_codes=range(256))


@nox.session
def frameworks(session: nox.Session) -> None:
    """Serve the examples of docs/examples with their frameworks, and play their clips in a browser if there is one."""
    session.install("-e", ".[frameworks]")
    executable = _chromium() or ""
    session.run(
        *("python", "-m", "pytest", "-n", "3", "-rP", "tests/frameworks", *session.posargs),
        env={"COMETRUNWAY_BROWSER": executable},
    )


@nox.session
def bundle(session: nox.Session) -> None:
    """Make a program with PyInstaller from the installed package, and run it."""
    session.install(".[test]", "pyinstaller>=6")
    session.run("python", "-m", "pytest", "-q", "tests/cli/test_bundle.py", *session.posargs)


@nox.session
def fixtures(session: nox.Session) -> None:
    """Run the first test of docs/testing.md in an environment with only the packages that this page names."""
    [program, *_] = re.findall(r"```python\n(.*?)```", Path("docs/testing.md").read_text(), re.DOTALL)
    session.install(".", "pytest", "pytest-asyncio")
    with TemporaryDirectory() as folder:
        Path(folder, "test_mine.py").write_text(program)
        run_it = ("python", "-m", "pytest", "-W", "error", folder)
        session.run(*run_it, "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
        session.install("anyio")
        session.run(*run_it, "-o", "anyio_mode=auto", "-p", "no:asyncio")


@nox.session
def fleet(session: nox.Session) -> None:
    """Share a journal in a PostgreSQL of its own between real processes, killed and restarted; `-- -k` chooses tests.

    COMETRUNWAY_KILLS sets how many kills there are.
    """
    programs = _postgres() or _installed_postgres(session)
    if programs is None:
        session.skip("NOT TRIED: there is no PostgreSQL here, and none can be installed without apt and root")
    session.install("-e", ".[test]")
    tests = (
        "tests/journal/test_journal.py",
        "tests/journal/postgres",
        "tests/cli/test_fleet.py",
        "tests/cli/test_worker.py",
        "tests/test_fleet.py",
        "tests/fleet",
    )
    session.run(
        *("python", "-m", "pytest", "-q", "-n", "2", "-rP", *tests, *session.posargs),
        env={"COMETRUNWAY_POSTGRES": programs},
    )


def _postgres() -> str | None:
    """Return the folder of the programs of the newest PostgreSQL here; Debian has them outside of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    return str(found[-1].parent) if found else str(Path(on_path).parent) if on_path else None


def _installed_postgres(session: nox.Session) -> str | None:
    _install(session, "postgresql")
    return _postgres()


@nox.session
def kills(session: nox.Session) -> None:
    """Kill batches at 200 random moments, and around every commit of their journal."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", "-s", "tests/test_kill.py", env={"COMETRUNWAY_KILLS": "200"})


@nox.session
def faults(session: nox.Session) -> None:
    """Kill and stop real servers, relays and clients, for realistic times; drop packets, if run as root."""
    session.install("-e", ".[test]")
    _install(session, "nftables")
    session.run(
        "python", "-m", "pytest", "-q", "tests/real_faults", *session.posargs, env={"COMETRUNWAY_FAULTS": "long"}
    )


@nox.session
def soak(session: nox.Session) -> None:
    """Keep one session under load for 25 minutes, and compare what it uses; `-- --help` shows other loads."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.benchmarks.soak", *session.posargs)


@nox.session
def simulation(session: nox.Session) -> None:
    """Run 10,000 simulated schedules with random faults, and cancel at every step; COMETRUNWAY_FIRST_SEED."""
    session.install("-e", ".[test]")
    many = {"COMETRUNWAY_SEEDS": "10000", "COMETRUNWAY_CANCELLATION_STEP": "1", "COMETRUNWAY_PLANTED": "1"}
    session.run("python", "-m", "pytest", "-n", "2", "tests/simulation", *session.posargs, env={**many, **os.environ})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the decoders of external bytes, guided by coverage; `-- 3600` for an hour each instead of a minute."""
    session.install("-e", ".[test]", "atheris>=3")
    for target in ("answers", "containers", "batch-files"):
        session.run("python", "-m", "tests.fuzzing", target, *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Change the code in 420 places, one at a time, and list the changes that no test finds; an hour; `-- --help`."""
    session.install("-e", ".[test]", "coverage>=7.6")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def benchmark(session: nox.Session) -> None:
    """Compare with other clients, and renew docs/benchmarks.md; half an hour; `-- --help` shows shorter runs."""
    session.install("-e", ".[test]", "runwayml[aiohttp]", "matplotlib>=3.8")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def figures(session: nox.Session) -> None:
    """Print what the journal and telemetry cost, and what the learned rule saves."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.benchmarks.journal")
    session.run("python", "-m", "tests.benchmarks.telemetry")
    session.run("python", "-m", "tests.simulation.report")


@nox.session
def coverage(session: nox.Session) -> None:
    """Show which lines and branches no test reaches."""
    session.install("-e", ".[test]", "coverage[toml]")
    session.run("coverage", "run", "--branch", "--source=cometrunway", "-m", "pytest", "-q")
    session.run("coverage", "report", "--skip-covered", "--show-missing")
