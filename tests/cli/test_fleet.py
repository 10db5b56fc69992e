"""The command on a journal in PostgreSQL: as on one in a file."""

import json
import os
from pathlib import Path

import pytest

from cometrunway._cli._main import main
from cometrunway._journal._postgres._schema import VERSION
from tests.fleet.workers import new_fleet
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
CAT = {"route": "image_to_video", "key": "cat", "prompt_image": "https://example.com/cat.jpg", "prompt_text": "yawns"}
SHOTS = [CAT, {**CAT, "key": "dog", "prompt_text": "[fail INTERNAL]"}]


def test_every_command_takes_a_url(
    postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs, tells, checks and prunes a batch; and no output shows the password."""
    monkeypatch.chdir(tmp_path)
    shots, url = tmp_path / "shots.jsonl", postgres.url(schema="command")
    shots.write_text("\n".join(map(json.dumps, SHOTS)))
    out = ""

    def told(status: int, *arguments: str) -> str:
        nonlocal out
        assert main(arguments) == status
        captured = capsys.readouterr()
        out += captured.out + captured.err
        return captured.out

    assert main(["status", url]) == 2
    assert "fleet migrate" in capsys.readouterr().err
    assert f"version {VERSION}: made" in told(0, "fleet", "migrate", url)
    assert "nothing to do" in told(0, "fleet", "migrate", url)
    run = ("run", str(shots), "--journal", url, "--emulator")
    told(0, *run, "--dry-run")
    told(1, *run)
    told(1, *run, "--retry-failed", "all")
    counts = json.loads(told(0, "status", url, "--json"))
    assert (counts["total"], counts["delivered"], counts["failed"]) == (2, 1, 1)
    assert counts["creates"] == {"image_to_video": 3}
    assert "dog" in told(0, "status", url)
    assert [json.loads(line)["key"] for line in told(0, "export", url).splitlines()] == ["cat", "dog"]
    assert told(0, "export", url, "--format", "csv").count("\n") == 3
    assert "2 shots" in told(0, "report", url)
    told(0, "report", url, "-o", "report.html")
    told(0, "gallery", url)
    assert "no damage, 2 submissions" in told(0, "check", url)
    assert "0 submissions pruned" in told(0, "prune", url, "--delivered-before", "2026-01-01")
    with pytest.raises(SystemExit):
        main(["status", url, "and", url])
    out += capsys.readouterr().err
    assert "canary-password" not in out + Path("report.html").read_text() + Path("gallery.html").read_text()


def test_the_budget_of_a_tenant_is_removed_only_if_that_is_said(
    postgres: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a limit, nothing is changed; with all limits removed, the tenant may buy any number."""
    dsn = new_fleet(postgres, lease=3)
    for options, told in (
        (("--creates", "5"), "0 of 5 creates"),
        ((), "0 of 5 creates"),
        (("--none",), "0 of any number creates"),
    ):
        assert main(["fleet", "tenant", dsn, "acme", *options]) == 0
        assert f"tenant acme: {told}" in capsys.readouterr().out


def test_a_file_needs_no_migration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says so, and makes none."""
    assert main(["fleet", "migrate", str(tmp_path / "shots.db")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert not (tmp_path / "shots.db").exists()
