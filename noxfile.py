"""Everything that is checked, by name: `nox` runs the checks, `nox -l` lists all sessions."""

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests"]

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests; arguments go to pytest."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs, env={"PYTHONDEVMODE": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff>=0.11")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def kills(session: nox.Session) -> None:
    """Kill batches at 200 random moments, and around every commit of their journal."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", "-s", "tests/test_kill.py", env={"COMETRUNWAY_KILLS": "200"})


@nox.session
def benchmark(session: nox.Session) -> None:
    """Print what waiting costs beside other clients, what the journal costs, and what the learned rule saves."""
    session.install("-e", ".[test]", "runwayml[aiohttp]")
    session.run("python", "-m", "tests.benchmarks.waits", "2000", "none")
    session.run("python", "-m", "tests.benchmarks.waits", "2000", "good", "cometrunway")
    session.run("python", "-m", "tests.benchmarks.journal")
    session.run("python", "-m", "tests.simulation.report")


@nox.session
def coverage(session: nox.Session) -> None:
    """Show which lines and branches no test reaches."""
    session.install("-e", ".[test]", "coverage[toml]")
    session.run("coverage", "run", "--branch", "--source=cometrunway", "-m", "pytest", "-q")
    session.run("coverage", "report", "--skip-covered", "--show-missing")
