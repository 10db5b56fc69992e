"""The documentation: every Python example runs, and every link leads somewhere."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import cometrunway
from cometrunway import emulator, errors, fleet
from cometrunway._journal._entry import status_of
from tests.documentation import markdown, packages, tables
from tests.documentation.examples import examples
from tests.served import served_by_emulator

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = {
    f"{page.name}-{number}": code
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL), start=1)
}
TESTS = [name for name, code in EXAMPLES.items() if "def test_" in code]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What the tutorial tells its reader to set, with an emulator behind it."""
    with served_by_emulator("--median", "0.3") as served:
        yield {**os.environ, **served}


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in TESTS])
def test_examples_run(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    """What the documentation shows works as it stands, and says something."""
    command = [sys.executable, "-W", "error", "-c", EXAMPLES[name]]
    ended = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_examples_of_tests_pass(plugin: str, tmp_path: Path) -> None:
    """The tests that the documentation shows pass as they stand, with pytest-asyncio as with anyio."""
    for name in TESTS:
        (tmp_path / f"test_{name.replace('.', '_').replace('-', '_')}.py").write_text(EXAMPLES[name])
    (tmp_path / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    other = {"asyncio": "anyio", "anyio": "asyncio"}[plugin]
    settings = ["-o", f"{plugin}_mode=auto", "-p", f"no:{other}", "-p", "no:cacheprovider"]
    if plugin == "asyncio":
        settings += ["-o", "asyncio_default_fixture_loop_scope=function"]
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", *settings]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout
    assert len(TESTS) >= 5


def test_the_reference_names_everything_public() -> None:
    """No public name is missing from the reference."""
    reference = (ROOT / "docs" / "reference.md").read_text()
    of_errors = {name for name in dir(cometrunway.errors) if name.endswith("Error") and not name.startswith("_")}
    public = {*cometrunway.__all__} | of_errors
    assert not [name for name in public if f"`{name}" not in reference]


PUBLIC = [getattr(cometrunway, name) for name in cometrunway.__all__]
WITHOUT_EXAMPLE = {"cancelled", "remove_done_callback", "follow"}
"""Methods that need no example: those of a future, and the one that `Session.events` calls."""
REQUESTS = [cls for cls in PUBLIC if isinstance(cls, type) and issubclass(cls, cometrunway.Request)]


@pytest.mark.parametrize("cls", [cls for cls in REQUESTS if isinstance(getattr(cls, "route", None), str)])
def test_the_reference_names_every_field_and_default(cls: type[cometrunway.Request]) -> None:
    """The row of a request has its fields and their defaults."""
    reference = (ROOT / "docs" / "reference.md").read_text()
    [row] = [line for line in reference.splitlines() if line.startswith(f"| `{cls.__name__}` (`{cls.route}`)")]
    for attribute in attrs.fields(cls):
        if attribute in attrs.fields(cometrunway.Request):
            continue  # which is said once, of all
        default = attribute.default if isinstance(attribute.default, str | int) else None
        said = f"`{attribute.name}`" if default is None else rf"`{attribute.name}` \(`?{default}\b"
        assert re.search(said, row), f"{cls.__name__}.{attribute.name} = {default}"


def test_the_reference_names_every_option_of_the_emulator() -> None:
    """A test that needs a strange server finds how to get one."""
    section = (ROOT / "docs" / "emulator.md").read_text()
    options = list(inspect.signature(emulator.Emulator).parameters)
    assert not [name for name in options if f"`{name}`" not in section]


def test_the_reference_lists_every_fault() -> None:
    """What an emulator can do wrong stands in one table, with the arguments and the short names."""
    table = (ROOT / "docs" / "emulator.md").read_text().partition("## Faults")[2]
    rows = {row[1]: row for row in re.finditer(r"^\| `(\w+)\((.*?)\)` \|.*\| ?(.*?) ?\|$", table, re.MULTILINE)}
    makers = {name: member for name, member in vars(emulator.Fault).items() if isinstance(member, classmethod)}
    assert rows.keys() == makers.keys() - {"parse"}
    for name, row in rows.items():
        parameters = inspect.signature(getattr(emulator.Fault, name)).parameters
        assert re.findall(r"(\w+)(?:=[^,]*)?(?:, |$)", row[2].replace("*, ", "")) == list(parameters), name
        for short in re.findall(r"`(.*?)`", row[3]):
            assert emulator.Fault.parse(short).name.startswith(short.partition("/")[0]), short


@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link within the documentation names a file that exists, and a heading that is in it."""
    for path, anchor in markdown.links(page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in markdown.anchors(target.read_text()), f"{page.name} links to {path}#{anchor}"


def test_every_page_is_in_the_navigation() -> None:
    """A page is found from the list beside every other."""
    listed = set()
    for path in markdown.pages():
        for tree in re.findall(r"^```{toctree}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE):
            listed |= {path.parent / name for name in tree.splitlines() if not name.startswith(":")}
    written = {path.with_suffix("") for path in [*markdown.pages(), *(ROOT / "docs").glob("*.ipynb")]}
    assert written - listed == {ROOT / "README", ROOT / "docs" / "index"}


def test_every_file_of_the_examples_is_on_their_page() -> None:
    """The site offers what the programs need, too."""
    page = (ROOT / "docs" / "web-backends.md").read_text()
    files = [path.name for path in (ROOT / "docs" / "examples").iterdir() if path.is_file()]
    assert not [name for name in files if f"(examples/{name})" not in page]


def test_the_api_has_everything_public() -> None:
    """The signature of each public name is on one page, and on one only."""
    found = [
        name
        for path in (ROOT / "docs" / "api").glob("*.md")
        for name in re.findall(
            r"^\.\. (?:autoclass|autofunction|py:data):: cometrunway\.([\w.]+)$", path.read_text(), re.MULTILINE
        )
    ]
    of_errors = {name for name in cometrunway.__all__ if hasattr(cometrunway.errors, name) and name.endswith("Error")}
    of_emulator = {f"emulator.{name}" for name in emulator.__all__}
    of_fleet = {f"fleet.{name}" for name in fleet.__all__}
    assert sorted(found) == sorted(({*cometrunway.__all__} - of_errors) | of_emulator | of_fleet)


def test_the_drawing_of_the_packages_is_that_of_the_code() -> None:
    """The levels that are drawn are those that imports are checked by."""
    assert packages.DRAWING.read_text() == packages.drawing(), "python -m tests.documentation"


@pytest.mark.parametrize("cls", [cometrunway.Session, cometrunway.TaskHandle, cometrunway.Batch, *REQUESTS])
def test_everything_that_users_call_has_an_example(cls: type) -> None:
    """Each request, and each method of a session, a handle and a batch, is in an example that runs."""
    methods = {name for name, value in vars(cls).items() if inspect.isfunction(value) and not name.startswith("_")}
    wanted = {cls.__name__} if cls in REQUESTS else {f"{cls.__name__}.{name}" for name in methods - WITHOUT_EXAMPLE}
    assert wanted <= examples().keys()


@pytest.mark.parametrize("page", ["architecture.md", "contributing.md"])
def test_modules_that_a_page_names_exist(page: str) -> None:
    """The way of a task, and of a change, leads through modules that are there."""
    named = re.findall(r"`((?:cometrunway|tests)?/?[\w/]*\.(?:py|json))`", (ROOT / "docs" / page).read_text())
    assert named
    assert not [path for path in named if not ((ROOT / path).exists() or (ROOT / "cometrunway" / path).exists())]


@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_those_of_the_code(page: Path) -> None:
    """What a page says of models, routes, options and sessions is what the code has."""
    assert page.read_text() == tables.renewed(page), "python -m tests.documentation"


def test_the_test_of_each_guarantee_exists() -> None:
    """Each row of the guarantees names its tests, by file and function."""
    page = (ROOT / "docs/promises.md").read_text()
    rows = re.findall(r"^\| (?!guarantee|---).*$", page, re.MULTILINE)
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for path, name in named:
            assert re.search(rf"def {name}\(", (ROOT / path).read_text()), f"{path}::{name}"


def test_the_command_page_names_every_command_and_every_option_of_run() -> None:
    """What `--help` shows is on the page, also where the page says it by hand."""
    text = (ROOT / "docs" / "command.md").read_text()
    by_hand = text.partition("## Options of `run`")[2].partition("\n## ")[0]
    run = tables.commands()[tables.RUN]
    assert not [name for name in tables.commands() if f"`cometrunway {name}" not in text]
    options = {name for action in run._actions for name in action.option_strings if name.startswith("--")}
    assert not [name for name in options - {"--help", "--debug"} if f"`{name}" not in by_hand]


def test_the_command_page_has_every_exit_status() -> None:
    """The statuses that `--help` tells are those of the table."""
    text = (ROOT / "docs" / "command.md").read_text()
    told = re.findall(r"(\d+) [a-z]", tables.whole_parser().epilog or "")
    assert (
        re.findall(r"^\| (\d+) \|", text.partition("## Exit statuses")[2].partition("\n## ")[0], re.MULTILINE) == told
    )


def test_the_glossary_has_every_state_of_a_shot() -> None:
    """With the word that tables have for it, while no process writes the journal."""
    _, _, section = (ROOT / "docs" / "glossary.md").read_text().partition("## The states of a shot")
    rows = re.findall(r"^\| `(\w+)` \| [^|]*`(\w+)`[^`|]*\|", section, re.MULTILINE)
    assert dict(rows) == {str(state): status_of(state, is_written=False) for state in cometrunway.State}


def test_the_page_on_web_apps_has_the_status_of_every_error() -> None:
    """Those that it does not name have the status of its last row."""
    _, _, section = (ROOT / "docs" / "web-backends.md").read_text().partition("## Which status for which error")
    rows = re.findall(r"^\| (.*) \| (\d+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    told = {name: int(status) for names, status in rows for name in re.findall(r"\[`(\w+)`\]", names)}
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CometRunwayError)
    ]
    assert told.keys() <= {kind.__name__ for kind in kinds}
    assert {kind.__name__: kind.http_status for kind in kinds} == {
        kind.__name__: told.get(kind.__name__, told["CometRunwayError"]) for kind in kinds
    }


def test_the_environment_page_has_every_variable() -> None:
    """A variable that the code reads is on the page."""
    text = (ROOT / "docs" / "environment.md").read_text()
    read = {name for name in tables.variables() if f"`{name}`" not in text}
    assert not read
    assert {"COMETAPI_KEY", "SSL_CERT_FILE", "AWS_ENDPOINT_URL", "RUNWAYML_BASE_URL"} <= tables.variables()


def test_the_readme_begins_with_the_two_commands() -> None:
    """The first two shell blocks run the demo and the tests, each after its own set-up."""
    first, second = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "venv" in first
    assert "demo" in first
    assert "venv" in second
    assert "pytest" in second
