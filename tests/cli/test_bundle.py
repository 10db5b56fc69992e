"""The command within bundles: a zip, and a program that PyInstaller makes."""

import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cometrunway._cli._bundle import hook_dirs, place_of_the_demo
from tests.gallery.pages import data_of
from tests.test_architecture import PACKAGE

PROGRAM = "from cometrunway._cli._main import command\n\ncommand()\n"


@pytest.fixture
def zipped(tmp_path: Path) -> list[str]:
    """Return the command out of a zip of the package, without metadata, and with what it needs beside it."""
    with zipfile.ZipFile(tmp_path / "ours.pyz", "w") as archive:
        for file in PACKAGE.rglob("*"):
            archive.write(file, file.relative_to(PACKAGE.parent))
    (tmp_path / "needed").mkdir()
    for package in (package for folder in site.getsitepackages() for package in Path(folder).iterdir()):
        if "cometrunway" not in package.name:
            (tmp_path / "needed" / package.name).symlink_to(package)
    return [
        "env",
        f"PYTHONPATH={tmp_path / 'ours.pyz'}:{tmp_path / 'needed'}",
        sys.executable,
        "-S",
        "-m",
        "cometrunway",
    ]


@pytest.fixture
def built(tmp_path: Path) -> list[str]:
    """Return the command as a program that PyInstaller has made, with nothing said of the package's files."""
    pytest.importorskip("PyInstaller", reason="it makes the program: nox --session bundle")
    (tmp_path / "program.py").write_text(PROGRAM)
    build = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR", "program.py"]
    subprocess.run(build, cwd=tmp_path, check=True, env={**os.environ, "PYINSTALLER_CONFIG_DIR": str(tmp_path)})
    return [str(tmp_path / "dist" / "program" / "program")]


@pytest.mark.parametrize("bundle", ["zipped", "built"])
def test_a_bundle_has_all_that_the_command_needs(bundle: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The demo and the gallery find their files, the version is told, and no path is named that is only in a bundle."""
    command: list[str] = request.getfixturevalue(bundle)

    def run(*arguments: str) -> str:
        ended = subprocess.run(
            [*command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    said = run("demo")
    assert "25 of 26 shots delivered" in said
    assert "shots.jsonl" not in said.replace("YOUR-SHOTS.jsonl", "")
    assert len(data_of(tmp_path / "outputs" / "gallery.html")["shots"]) == 26
    run("gallery", "outputs")
    assert len(data_of(tmp_path / "gallery.html")["shots"]) == 25
    assert run("--version").startswith("cometrunway ")


def test_outside_of_bundles_the_demo_names_its_file() -> None:
    """It stays where it is, and can be copied; and PyInstaller finds its hook."""
    place = place_of_the_demo()
    assert place is not None
    assert place.is_file()
    assert [hook.name for hook in Path(hook_dirs()[0]).glob("*.py")] == ["hook-cometrunway.py"]
