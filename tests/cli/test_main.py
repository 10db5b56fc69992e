"""The command, as a process: what it prints, what it leaves on disk, and how it ends."""

import hashlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cometrunway._cli._main import main
from cometrunway.emulator import Emulator
from tests.samples import PNG
from tests.served import COMMAND, served_by_emulator, started

CAT = "https://example.com/cat.jpg"


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in a folder."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with served_by_emulator("--median", "0.5", "--not-exist", "0.2") as environment:
        yield environment


def write(folder: Path, *shots: object) -> str:
    """Write a batch file and return its name."""
    lines = [shot if isinstance(shot, str) else json.dumps(shot) for shot in shots]
    (folder / "shots.jsonl").write_text("\n".join(lines) + "\n")
    return "shots.jsonl"


def shot(**fields: object) -> dict[str, object]:
    """Return a line that is right."""
    return {"route": "image_to_video", "promptImage": CAT, **fields}


def never_asked() -> dict[str, str]:
    """Return an environment whose server does not exist, for commands that must send nothing."""
    return {"COMETRUNWAY_BASE_URL": "http://127.0.0.1:9", "COMETAPI_KEY": "sk-x"}


def ledger(served: dict[str, str]) -> Any:
    """Return what the emulator has seen."""
    with urlopen(f"{served['COMETRUNWAY_BASE_URL']}/__emulator__/ledger") as answer:  # noqa: S310 - our own process
        return json.load(answer)


def test_the_demo_leaves_videos(tmp_path: Path) -> None:
    """The demo ends well, prints a row for each of its shots, and leaves their files and a page to look at them.

    It may be run again in the same folder: the new files get a number.
    """
    earlier = tmp_path / "outputs" / "boat-drifts.mp4"
    earlier.parent.mkdir()
    earlier.touch()
    ended = run("demo", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    page = tmp_path / "outputs" / "gallery.html"
    assert page.as_uri() in ended.stdout
    assert earlier.with_name("boat-drifts-2.mp4").exists()
    files = [file for file in page.parent.iterdir() if file not in {page, earlier}]
    assert len(files) == 25
    assert all(file.name in page.read_text() for file in files)
    assert all(file.name in ended.stdout for file in files)
    for route in ("image_to_video", "text_to_image", "video_to_video", "video_upscale", "character_performance"):
        assert route in ended.stdout
    for route in ("pro_generate", "pro_video2video", "pro_act_one"):
        assert route in ended.stdout
    assert "COMETAPI_KEY" in ended.stdout


def test_a_batch_runs_against_the_environments_server(served: dict[str, str], tmp_path: Path) -> None:
    """A file's shots are submitted to COMETRUNWAY_BASE_URL with COMETAPI_KEY, and end in --output-dir."""
    name = write(tmp_path, shot(key="one"), shot(prompt_text="it yawns"))
    ended = run("run", name, "--output-dir", "clips", folder=tmp_path, **served)
    assert ended.returncode == 0, ended.stderr
    assert sorted(file.name for file in (tmp_path / "clips").iterdir()) == ["one.mp4", "shots-0002.mp4"]
    assert "2 of 2 shots delivered" in ended.stdout


def test_a_failed_task_is_status_1(served: dict[str, str], tmp_path: Path) -> None:
    """When one task fails the others are delivered, its reason is shown, and the status is 1."""
    name = write(tmp_path, shot(key="good"), shot(key="bad", promptText="[fail INTERNAL]"))
    ended = run("run", name, folder=tmp_path, **served)
    assert ended.returncode == 1
    assert "INTERNAL" in ended.stderr
    assert (tmp_path / "outputs" / "good.mp4").exists()


def test_run_can_bring_its_own_server(tmp_path: Path) -> None:
    """--emulator needs neither a key nor a URL."""
    name = write(tmp_path, shot())
    ended = run("run", name, "--emulator", folder=tmp_path, COMETAPI_KEY="", COMETRUNWAY_BASE_URL="")
    assert ended.returncode == 0, ended.stderr


def test_every_wrong_line_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    """All bad lines are listed with file and line number, the status is 2, and nothing was submitted."""
    name = write(
        tmp_path,
        shot(),
        "{not json",
        shot(promt_text="typing error"),
        "",
        shot(route="image_to_vdieo"),
        shot(key="twice"),
        shot(key="twice"),
        shot(promptImage="missing.png"),
        "[]",
    )
    ended = run("run", name, "--emulator", folder=tmp_path)
    assert ended.returncode == 2
    for line in (2, 3, 5, 7, 8, 9):
        assert f"shots.jsonl:{line}:" in ended.stderr
    assert "prompt_text" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", "absent.jsonl"], "absent.jsonl"),
        (["run", "."], "directory"),
        (["run", "empty.jsonl"], "no shot"),
        (["run"], "SHOTS"),
        (["dance"], "dance"),
        ([], "COMMAND"),
        (["run", "shots.jsonl", "--base-url", "nonsense"], "base_url"),
        (["run", "shots.jsonl"], "COMETAPI_KEY"),
    ],
)
def test_wrong_use_is_status_2(arguments: list[str], reason: str, tmp_path: Path) -> None:
    """Wrong use ends with status 2, one line that names the thing, and no traceback."""
    write(tmp_path, shot())
    (tmp_path / "empty.jsonl").touch()
    key = "" if reason == "COMETAPI_KEY" else "sk-x"
    ended = run(*arguments, folder=tmp_path, COMETAPI_KEY=key)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refused_key_stops_the_batch(served: dict[str, str], tmp_path: Path) -> None:
    """With a wrong key the reason is said, the status is 1, and the shots that were not sent are shown as such."""
    name = write(tmp_path, *(shot(key=str(number)) for number in range(100)))
    ended = run("run", name, folder=tmp_path, **{**served, "COMETAPI_KEY": "sk-wrong"})
    assert ended.returncode == 1
    assert "stopped" in ended.stderr
    assert "refused" in ended.stdout
    assert "waiting" in ended.stdout
    assert "sk-wrong" not in ended.stdout + ended.stderr


def test_ctrl_c_says_what_is_owed(tmp_path: Path) -> None:
    """Ctrl-C in the demo ends it within three seconds, without a traceback, and lists what is still owed."""
    with subprocess.Popen(
        [*COMMAND, "demo"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the first shot is done, so others are under way
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert time.monotonic() - interrupted < 3
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "the built-in server ends with this run: nothing was paid" in errors


def test_a_batch_run_again_buys_nothing(served: dict[str, str], tmp_path: Path) -> None:
    """With a journal the second run of a batch is done at once; status counts, and export writes all of it."""
    name = write(tmp_path, shot(key="good"), shot(key="bad", promptText="[fail INTERNAL]"))
    first, second = (run("run", name, "--journal", "shots.db", folder=tmp_path, **served) for _ in range(2))
    assert first.returncode == second.returncode == 1
    assert first.stdout.splitlines()[1].split()[:3] == second.stdout.splitlines()[1].split()[:3]
    assert "2 are in shots.db from an earlier run; nothing was submitted" in second.stdout
    assert "earlier run" not in first.stdout
    counts = json.loads(run("status", "shots.db", "--json", folder=tmp_path).stdout)
    assert counts["creates"] == {"image_to_video": 2}
    assert {name: counts[name] for name in ("total", "delivered", "failed", "owed", "in_doubt")} == {
        "total": 2,
        "delivered": 1,
        "failed": 1,
        "owed": 0,
        "in_doubt": 0,
    }
    assert "bad  image_to_video" in run("status", "shots.db", folder=tmp_path).stdout
    records = [json.loads(line) for line in run("export", "shots.db", folder=tmp_path).stdout.splitlines()]
    assert [record["key"] for record in records] == ["good", "bad"]
    assert run("export", "shots.db", "--format", "csv", "-o", "shots.csv", folder=tmp_path).returncode == 0
    assert (tmp_path / "shots.csv").read_text().splitlines()[1].startswith("good,image_to_video,delivered,")


def test_a_doubt_is_shown_and_can_be_ended(tmp_path: Path) -> None:
    """A lost answer is in doubt until the user says what became of it; then the batch can be finished."""
    name = write(tmp_path, shot(key="lost"))
    with served_by_emulator("--median", "0.3", "--not-exist", "0", "--fault", "create:lost=1") as served:
        ended = run("run", name, "--journal", "shots.db", folder=tmp_path, **served)
        assert ended.returncode == 1
        assert "1 in doubt" in ended.stdout
        assert "lost" in run("status", "shots.db", folder=tmp_path).stdout
        [task] = ledger(served)["entries"]
        assert run("resolve", "shots.db", "lost", "--task-id", task["id"], folder=tmp_path).returncode == 0
        ended = run("resume", "shots.db", folder=tmp_path, **served)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "outputs" / "lost.mp4").exists()


def test_a_dry_run_sends_nothing(tmp_path: Path) -> None:
    """--dry-run shows each body and how many of each route, needs no key and leaves nothing on disk."""
    (tmp_path / "first.png").write_bytes(PNG + bytes(1000))
    name = write(
        tmp_path,
        shot(key="one", seed=7),
        shot(key="two", promptImage="first.png"),
        {"route": "pro_generate", "key": "three", "prompt": "a cat", "callback_url": "https://example.com/hook"},
    )
    ended = run("run", name, "--dry-run", folder=tmp_path, COMETAPI_KEY="", COMETRUNWAY_BASE_URL="http://127.0.0.1:9")
    assert ended.returncode == 0, ended.stderr
    one, two, three = ended.stdout.splitlines()
    assert one.startswith("one  POST /runwayml/v1/image_to_video  {")
    assert json.loads(one.split("  ", 2)[2])["seed"] == 7
    assert len(two) < 400
    assert "<data:image/png" in two
    assert "three  POST /runway/pro/generate" in three
    assert "3 shots: 2 image_to_video, 1 pro_generate; nothing was sent" in ended.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["first.png", "shots.jsonl"]


def test_a_provider_is_chosen_by_name_or_by_file(tmp_path: Path) -> None:
    """--provider decides the path, the key's variable, and what is refused: for each cause once, before all is sent."""
    sibling = tmp_path / "sibling.toml"
    sibling.write_text('name="sibling"\norigin="https://s.example"\nkey_variable="SIBLING_KEY"\nprefix="/video"\n')
    name = write(tmp_path, shot(key="one"))
    for provider, path, variable in [
        ("runway", "/v1/image_to_video", "RUNWAYML_API_SECRET"),
        (sibling.name, "/video/image_to_video", "SIBLING_KEY"),
    ]:
        ended = run("run", name, "--dry-run", "--provider", provider, folder=tmp_path, COMETAPI_KEY="sk-x")
        assert ended.stdout.startswith(f"one  POST {path}  ")
        assert f"{variable} is not set" in ended.stderr
    pro = {"route": "pro_generate", "prompt": "a cat", "callback_url": "https://example.com/hook"}
    name = write(tmp_path, shot(), pro, pro)
    ended = run("run", name, "--provider", "runway", folder=tmp_path, RUNWAYML_API_SECRET="sk-x")
    assert ended.returncode == 2
    assert re.search(r"shots.jsonl:2: runway has no route pro_generate.* \[2 rows: lines 2, 3\]", ended.stderr)
    assert run("run", name, "--provider", "runwy", folder=tmp_path).returncode == 2


def test_a_large_file_is_uploaded_by_the_provider_that_can(tmp_path: Path) -> None:
    """A dry run says so, a run uploads it once, and the same run again buys and uploads nothing."""
    (tmp_path / "large.png").write_bytes(PNG + bytes(4_000_000))
    rows = [shot(key=str(number), seed=number, promptImage="large.png", model="gen4_turbo") for number in range(3)]
    name = write(tmp_path, *rows)
    with Emulator.in_thread(duration=0.01) as emulator:
        runway = {"RUNWAYML_API_SECRET": emulator.api_key, "RUNWAYML_BASE_URL": emulator.base_url}
        batch = ("run", name, "--provider", "runway", "--journal", "shots.db")
        dry = run(*batch, "--dry-run", folder=tmp_path, **runway)
        assert f"<an upload of image/png, {len(PNG) + 4_000_000} bytes>" in dry.stdout
        for _ in range(2):
            ended = run(*batch, folder=tmp_path, **runway)
            assert ended.returncode == 0, ended.stderr
        assert (emulator.creates.received, len(emulator.uploads)) == (3, 1)
        assert not emulator.leaked_credentials


def test_a_dry_run_knows_the_journal_the_limit_and_the_budget(served: dict[str, str], tmp_path: Path) -> None:
    """What the journal holds already is not counted, and --limit and --budget are."""
    name = write(tmp_path, *(shot(key=str(number), seed=number) for number in range(6)))
    assert run("run", name, "--limit", "2", "--journal", "shots.db", folder=tmp_path, **served).returncode == 0
    options = ("--dry-run", "--json", "--limit", "5", "--budget", "1", "--journal", "shots.db")
    ended = run("run", name, *options, folder=tmp_path, **never_asked())
    assert [json.loads(line)["key"] for line in ended.stdout.splitlines()] == ["2", "3", "4"]
    assert "3 shots: 3 image_to_video" in ended.stderr
    assert "2 shots are in shots.db already" in ended.stderr
    assert "after 1 create" in ended.stderr


def test_a_budget_ends_the_buying(served: dict[str, str], tmp_path: Path) -> None:
    """--budget N buys N, says why it stopped with status 1, and the next run goes on."""
    name = write(tmp_path, *(shot(key=str(number), seed=number) for number in range(4)))
    first, second = (
        run("run", name, "--journal", "shots.db", "--budget", "2", folder=tmp_path, **served) for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (1, 0), second.stderr
    assert "2 of 4 shots delivered" in first.stdout
    assert "budget of 2" in first.stderr
    assert ledger(served)["creates"]["received"] == 4


def test_events_are_json_lines(served: dict[str, str], tmp_path: Path) -> None:
    """--json gives one object per line on standard output, the files' digests and the totals among them."""
    name = write(tmp_path, shot(key="good"), shot(key="bad", promptText="[fail INTERNAL]"))
    ended = run("run", name, "--json", "--template", "{route}/{key}", folder=tmp_path, **served)
    assert ended.returncode == 1
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert events[-1].items() >= {"event": "end", "total": 2, "delivered": 1, "interrupted": False}.items()
    [downloaded] = [event for event in events if event["event"] == "downloaded"]
    [file] = downloaded["files"]
    assert file["path"] == str(tmp_path / "outputs/image_to_video/good.mp4")
    assert hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]
    [failed] = [event for event in events if event["event"] == "failed"]
    assert failed["error"]["type"] == "TaskFailedError"


def test_a_reader_that_goes_away_loses_nothing(served: dict[str, str], tmp_path: Path) -> None:
    """`run --json | head -1` goes on to the end: what is paid for comes home."""
    name = write(tmp_path, *(shot(key=str(number), seed=number) for number in range(3)))
    with started("run", name, "--json", folder=tmp_path, **served) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(30) == 0
    assert len(list((tmp_path / "outputs").iterdir())) == 3
    assert "Traceback" not in errors
    assert "Broken" not in errors


def test_quiet_says_only_what_went_wrong(served: dict[str, str], tmp_path: Path) -> None:
    """--quiet says nothing of what succeeds, and one line of what fails."""
    good = run("run", write(tmp_path, shot(key="good")), "--quiet", folder=tmp_path, **served)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = run("run", write(tmp_path, shot(promptText="[fail INTERNAL]")), "--quiet", folder=tmp_path, **served)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert len(bad.stderr.splitlines()) == 1


def test_a_batch_comes_from_standard_input(served: dict[str, str], tmp_path: Path) -> None:
    """`run -` reads the shots from a pipe."""
    ended = subprocess.run(
        [*COMMAND, "run", "-"],
        cwd=tmp_path,
        env={**os.environ, **served},
        input=f"route,key,prompt_image\nimage_to_video,cat,{CAT}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "outputs" / "cat.mp4").exists()


def test_a_journal_in_use_is_named(tmp_path: Path) -> None:
    """A second run on the same journal sends nothing, names who holds it, and ends with status 2."""
    name = write(tmp_path, shot())
    command = [*COMMAND, "run", name, "--journal", "shots.db", "--emulator"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        while not (tmp_path / "shots.db").exists():
            assert first.poll() is None
        second = run("run", name, "--journal", "shots.db", folder=tmp_path, **never_asked())
        first.communicate(timeout=60)
    assert second.returncode == 2
    assert "shots.db" in second.stderr
    assert str(first.pid) in second.stderr


def test_sigterm_leaves_in_order(served: dict[str, str], tmp_path: Path) -> None:
    """SIGTERM ends a run with status 130, and what it owes can be resumed."""
    name = write(tmp_path, shot(key="slow", promptText="[seconds 20]"))
    with started("run", name, "--json", "--journal", "shots.db", folder=tmp_path, **served) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "submitted"
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    end = json.loads(output.splitlines()[-1])
    assert [owed["key"] for owed in end["owed"]] == ["slow"]
    assert "cometrunway resume shots.db" in errors
    assert json.loads(run("status", "shots.db", "--json", folder=tmp_path).stdout)["owed"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_asks_twice_waits_for_no_create(number: signal.Signals, tmp_path: Path) -> None:
    """The grace for a create that is never answered ends at the second signal; the create is in doubt."""
    name = write(tmp_path, shot(key="silent"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = {"COMETRUNWAY_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}", "COMETAPI_KEY": "sk-x"}
        with started("run", name, "--json", "--journal", "shots.db", folder=tmp_path, **origin) as process:
            create, _ = silent.accept()
            assert create.recv(65536)
            process.send_signal(number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            process.send_signal(number)
            output, errors = process.communicate(timeout=10)
            create.close()
    assert process.returncode == 130
    assert json.loads(output.splitlines()[-1])["in_doubt"] == 1
    assert "Traceback" not in errors
    assert json.loads(run("status", "shots.db", "--json", folder=tmp_path).stdout)["in_doubt"] == 1


@pytest.mark.parametrize(
    "option",
    [
        *(
            "--limit 0",
            "--budget -1",
            "--max-in-flight x",
            "--polls-per-second nan",
            "--template {x}",
            "--json --quiet",
        ),
        *("--other-keys use", "--journal-timeout 5"),  # without --journal
        "--pay-again --dsn postgresql://db.example.com/shop",  # without effect
    ],
)
def test_a_wrong_option_is_status_2(option: str, tmp_path: Path) -> None:
    """The option is named, nothing was sent, and there is no traceback."""
    ended = run("run", write(tmp_path, shot()), *option.split(), folder=tmp_path, **never_asked())
    assert ended.returncode == 2
    assert option.split(maxsplit=1)[0].strip("-") in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["run", "shots.jsonl", "--outputdir", "clips"], "--outputdir clips; did you mean --output-dir?"),
        (["run", "shots.jsonl", "--emulater=1"], "did you mean --emulator?"),
        (["statsu", "shots.db"], "did you mean status?"),
        (["export", "shots.db", "--format", "cvs"], "did you mean csv?"),
        (["run", "shots.jsonl", "extra"], "unrecognized arguments: extra\n"),
        (["run", "--retry-failed", "shots.jsonl"], "got 'shots.jsonl'; write SHOTS before the option"),
        (["retry"], "required: JOURNAL\n"),
        ([], "required: COMMAND\n`cometrunway --help` explains"),
    ],
)
def test_a_misspelt_word_is_told_with_the_one_that_is_meant(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a command, an option, or a choice; a second line tells where the arguments of the command are explained."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    complaint = capsys.readouterr().err
    assert meant in complaint
    assert re.fullmatch(r"(cometrunway.*): error: .*\n`\1 --help` explains the arguments\.\n", complaint)


def test_a_bug_is_one_line_and_with_debug_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error ends with status 70, and says how to see more."""

    def broken(_path: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("cometrunway._cli._journals.JournalReport", broken)
    assert main(["status", "shots.db"]) == 70
    short = capsys.readouterr().err
    assert len(short.splitlines()) == 1
    assert "surprise" in short
    assert "--debug" in short
    assert main(["status", "shots.db", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error(served: dict[str, str], tmp_path: Path) -> None:
    """`cometrunway export | head` ends without a word about it."""
    run("run", write(tmp_path, shot()), "--journal", "shots.db", folder=tmp_path, **served)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        ended = subprocess.run(
            [*COMMAND, "export", "shots.db"],
            cwd=tmp_path,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_key_that_means_something_else_in_the_journal_is_found_before_anything_is_sent(
    served: dict[str, str], tmp_path: Path
) -> None:
    """Every conflict is named with its cure, with --dry-run too, and what is new is not bought either."""
    assert run("run", write(tmp_path, shot()), "--journal", "shots.db", folder=tmp_path, **served).returncode == 0
    name = write(tmp_path, shot(seed=5), shot(key="new"))
    for option in ("--dry-run", "--quiet"):
        ended = run("run", name, "--journal", "shots.db", option, folder=tmp_path, **served)
        assert ended.returncode == 2
        assert "shots-0001: belongs to another request" in ended.stderr
    assert ledger(served)["creates"]["received"] == 1


def test_controls_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A key with escape sequences is refused, and shown, as every text from elsewhere, with its controls spelt out."""
    ended = run("run", write(tmp_path, shot(key="b\x1b[2J", promptText="\x9b31m\u202e")), "--dry-run", folder=tmp_path)
    assert ended.returncode == 2
    assert "without control characters" in ended.stderr
    assert "x1b[2J" in ended.stderr
    shown = run("run", write(tmp_path, shot(promptText="\x9b31m\u202e")), "--dry-run", folder=tmp_path)
    assert shown.returncode == 0
    for text in (ended.stdout, ended.stderr, shown.stdout, shown.stderr):
        assert not set(text) & set("\x1b\x9b\u202e")


def test_a_full_disk_says_so(tmp_path: Path) -> None:
    """What cannot be written is one line and status 2, not a bug; a batch that is done keeps its own status."""
    name = write(tmp_path, shot())
    with Path("/dev/full").open("w") as full:
        dry = subprocess.run([*COMMAND, "run", name, "--dry-run"], cwd=tmp_path, stdout=full, stderr=-1, check=False)
        done = subprocess.run([*COMMAND, "run", name, "--emulator"], cwd=tmp_path, stdout=full, stderr=-1, check=False)
    assert dry.returncode == 2
    assert b"No space left" in dry.stderr
    assert done.returncode == 0
    assert b"No space left" in done.stderr


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_bought(
    served: dict[str, str], tmp_path: Path
) -> None:
    """An output folder in which nothing can be made ends the run with status 2, and no create."""
    ended = run("run", write(tmp_path, shot()), "--output-dir", "/proc", folder=tmp_path, **served)
    assert ended.returncode == 2
    assert "/proc" in ended.stderr
    assert ledger(served)["creates"]["received"] == 0


def test_what_is_owed_can_be_had_by_the_command_that_is_shown(served: dict[str, str], tmp_path: Path) -> None:
    """After a download that failed, the line to resume with names the journal, the folder and the template."""
    name = write(tmp_path, shot(key="a", promptText="[seconds 3]"))
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "x").touch()
    options = ("--journal", "shots.db", "--output-dir", "clips", "--template", "x/{key}")
    ended = run("run", name, *options, folder=tmp_path, **served)
    assert ended.returncode == 1
    [line] = [line for line in ended.stderr.splitlines() if "cometrunway resume" in line]
    (tmp_path / "clips" / "x").unlink()
    again = run(*shlex.split(line.partition("cometrunway ")[2]), folder=tmp_path, **served)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "clips" / "x" / "a.mp4").exists()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_whose_reader_is_gone_changes_no_status(stream: str, served: dict[str, str], tmp_path: Path) -> None:
    """A failed batch has its status, also if the output is not read."""
    reading, writing = os.pipe()
    os.close(reading)
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: writing}
    name = write(tmp_path, shot(promptText="[fail INTERNAL]"))
    ended = subprocess.run([*COMMAND, "run", name], cwd=tmp_path, env={**os.environ, **served}, **streams, check=False)
    os.close(writing)
    assert ended.returncode == 1


def test_a_mistaken_id_can_be_corrected(tmp_path: Path) -> None:
    """After `resolve` with an id that does not exist, `resolve` with the right one finishes the batch."""
    name = write(tmp_path, shot(key="lost"))
    with served_by_emulator("--median", "0.3", "--not-exist", "0", "--fault", "create:lost=1") as served:
        assert run("run", name, "--journal", "shots.db", folder=tmp_path, **served).returncode == 1
        [task] = ledger(served)["entries"]
        assert run("resolve", "shots.db", "lost", "--task-id", "..", folder=tmp_path).returncode == 2
        assert run("resolve", "shots.db", "lost", "--task-id", "typo", folder=tmp_path).returncode == 0
        assert run("resume", "shots.db", folder=tmp_path, **served).returncode == 1
        assert run("resolve", "shots.db", "lost", "--task-id", task["id"], folder=tmp_path).returncode == 0
        assert run("resume", "shots.db", folder=tmp_path, **served).returncode == 0


def test_a_quoted_tilde_is_a_home_folder(served: dict[str, str], tmp_path: Path) -> None:
    """Every path that a command takes may begin with `~`, though no shell has expanded it."""
    home = tmp_path / "home"
    home.mkdir()
    write(home, shot(key="a"))
    env = {**served, "HOME": str(home)}
    options = ("--output-dir=~/clips", "--journal=~/s.db")
    assert run("run", "~/shots.jsonl", *options, folder=tmp_path, **env).returncode == 0
    assert run("resume", "~/s.db", "--output-dir=~/clips", folder=tmp_path, **env).returncode == 0
    assert run("export", "~/s.db", "-o", "~/s.jsonl", folder=tmp_path, **env).returncode == 0
    assert run("gallery", "~/clips", "-o", "~/page.html", folder=tmp_path, **env).returncode == 0
    assert '"delivered": 1' in run("status", "~/s.db", "--json", folder=tmp_path, **env).stdout
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert {"clips", "s.db", "s.jsonl", "page.html"} < {path.name for path in home.iterdir()}


@pytest.mark.parametrize("option", ["--output-dir", "--journal"])
def test_an_unknown_home_folder_is_status_2(option: str, tmp_path: Path) -> None:
    """The option and the name are said, and no folder of that name is made."""
    ended = run("run", write(tmp_path, shot()), f"{option}=~no.such/a", folder=tmp_path, **never_asked())
    assert ended.returncode == 2
    assert f"{option}: no home folder is known for '~no.such'" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shots.jsonl"]


def test_a_table_of_a_spreadsheet_is_run(served: dict[str, str], tmp_path: Path) -> None:
    """Excel's `sep=;` and cp1252, and a column that is not ours: run once they are named, and said once."""
    text = f"sep=;\r\nroute;key;prompt_image;prompt_text;Bemerkung\r\nimage_to_video;Bär;{CAT};Bär;x\r\n"
    (tmp_path / "shots.csv").write_bytes(text.encode("cp1252"))
    refused = run("run", "shots.csv", folder=tmp_path, **never_asked())
    assert refused.returncode == 2
    assert "shots.csv:3: character 17: the byte 0xE4 is not UTF-8" in refused.stderr
    assert "--encoding cp1252" in refused.stderr
    refused = run("run", "shots.csv", "--encoding", "cp1252", folder=tmp_path, **never_asked())
    assert refused.returncode == 2
    assert "--ignore-columns Bemerkung" in refused.stderr
    options = ("--encoding", "cp1252", "--ignore-columns", "Bemerkung,price")
    ended = run("run", "shots.csv", *options, folder=tmp_path, **served)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("ignored columns: Bemerkung (1 row)\n") == 1
    assert "--ignore-columns: the file has no column 'price'; known are route, key, " in ended.stderr
    quiet = run("run", "shots.csv", *options, "--quiet", "--pay-again", folder=tmp_path, **served)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_standard_input_may_be_of_powershell(tmp_path: Path) -> None:
    """UTF-16 with a byte order mark is read from a pipe, too; a wrong byte there is told as in a file."""
    text = f"sep=|\r\nroute|prompt_image|prompt_text\r\nimage_to_video|{CAT}|Bär\r\n"
    for content, status in ((text.encode("utf-16"), 0), (text.encode("cp1252"), 2)):
        ended = subprocess.run(
            [*COMMAND, "run", "-", "--dry-run"], cwd=tmp_path, input=content, capture_output=True, check=False
        )
        assert ended.returncode == status
    assert b"<stdin>:3: character 45: the byte 0xE4" in ended.stderr


@pytest.mark.parametrize(
    ("name", "known"), [("cp12522", "did you mean cp1252?"), ("hex", "spreadsheets on Windows use cp1252")]
)
def test_an_unknown_encoding_is_status_2(name: str, known: str, tmp_path: Path) -> None:
    """The option and the name are told, and one that is known."""
    ended = run("run", write(tmp_path, shot()), f"--encoding={name}", folder=tmp_path, **never_asked())
    assert ended.returncode == 2
    assert f"argument --encoding: no text encoding is called {name!r}; {known}" in ended.stderr


def test_conflicts_with_a_journal_are_one_message_for_each_difference(tmp_path: Path) -> None:
    """A column that was changed for all shots is told once, with file, line, values and count."""
    shots = [shot(key=f"k{number}", duration=5, seed=number) for number in range(3)]
    journal = ("--journal", "shots.db", "--emulator")
    assert run("run", write(tmp_path, *shots), *journal, folder=tmp_path).returncode == 0
    changed = [{**each, "duration": 10} for each in shots[:2]] + [{**shots[2], "seed": 7}]
    ended = run("run", write(tmp_path, *changed), *journal, folder=tmp_path)
    assert ended.returncode == 2
    first, second = ended.stderr.splitlines()
    assert "shots.jsonl:1: k0: belongs to another request in the journal (duration: 5 there, 10 here); " in first
    assert first.endswith("[2 rows: lines 1, 2]")
    assert "shots.jsonl:3: k2: belongs to another request in the journal (seed: 2 there, 7 here); " in second


def lay_out(folder: Path) -> None:
    """Make what the options of the next test name."""
    write(folder, shot(key="a"))
    (folder / "latin.csv").write_bytes(f"route,prompt_image,prompt_text\nimage_to_video,{CAT},ä\n".encode("latin-1"))
    (folder / "foreign.csv").write_text(f"route,prompt_image,notes\nimage_to_video,{CAT},x\n")
    (folder / "absent.csv").write_text("route,prompt_image\nimage_to_video,absent.png\n")
    (folder / "a-file").write_text("text")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "empty").mkdir()
    (folder / "empty.db").touch()


@pytest.mark.parametrize(
    "arguments",
    [
        "latin.csv",
        "latin.csv --encoding ascii",
        "foreign.csv",
        "foreign.csv --ignore-columns note",
        "absent.csv",
        "nowhere.csv",
        "empty",
        "shots.jsonl --output-dir a-file",
        "shots.jsonl --output-dir a-file/deeper",
        "shots.jsonl --output-dir dangling",
        "shots.jsonl --output-dir /proc/deeper",
        "shots.jsonl --journal a-file",
        "shots.jsonl --journal empty",
        "shots.jsonl --journal a-file/shots.db",
        "shots.jsonl --journal /proc/shots.db",
        "shots.jsonl --journal /proc/deeper/shots.db",
        "shots.jsonl --template {x}",
        "shots.jsonl --base-url ftp://127.0.0.1",
    ],
)
def test_what_a_dry_run_refuses_the_run_refuses_too(arguments: str, tmp_path: Path) -> None:
    """Whatever ends the one before anything is sent ends the other, with one cause, and a dry run leaves nothing."""
    lay_out(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    dry = run("run", *arguments.split(), "--dry-run", folder=tmp_path, **never_asked())
    assert sorted(tmp_path.rglob("*")) == before
    ended = run("run", *arguments.split(), folder=tmp_path, **never_asked())
    assert (dry.returncode, ended.returncode) == (2, 2), dry.stderr + ended.stderr
    said, meant = (each.stderr.splitlines()[-1] for each in (dry, ended))
    assert said.split(": ")[:3] == meant.split(": ")[:3]


@pytest.mark.parametrize("variable", ["COMETAPI_KEY", "COMETRUNWAY_BASE_URL", "HTTPS_PROXY", "SSL_CERT_FILE"])
def test_a_dry_run_refuses_what_the_environment_has_wrong(variable: str, tmp_path: Path) -> None:
    """A key, an origin, a proxy or certificates that the run cannot use; against the emulator none of them is used."""
    name, wrong = write(tmp_path, shot(key="a")), {**never_asked(), variable: "a b"}
    for options, status in ((("--dry-run",), 2), ((), 2), (("--dry-run", "--emulator"), 0), (("--emulator",), 0)):
        assert run("run", name, *options, folder=tmp_path, **wrong).returncode == status


def test_a_dry_run_of_a_journal_in_use_is_refused_as_the_run_is(served: dict[str, str], tmp_path: Path) -> None:
    """Both name who writes it."""
    name = write(tmp_path, shot(key="slow", promptText="[seconds 20]"))
    with started("run", name, "--json", "--journal", "shots.db", folder=tmp_path, **served) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for options in (("--dry-run",), ()):
            ended = run("run", name, "--journal", "shots.db", *options, folder=tmp_path, **never_asked())
            assert ended.returncode == 2
            assert f"in use by another process (pid {process.pid})" in ended.stderr
        process.terminate()
        process.communicate(timeout=10)


@pytest.mark.parametrize(
    "arguments",
    [
        "latin.csv --encoding latin-1 --journal empty.db",
        "foreign.csv --ignore-columns notes --output-dir new/er --journal new.db",
        "shots.jsonl --output-dir empty --template x/{route}/{key}",
    ],
)
def test_what_a_dry_run_takes_the_run_takes_too(arguments: str, served: dict[str, str], tmp_path: Path) -> None:
    """What passes the one is submitted by the other."""
    lay_out(tmp_path)
    dry = run("run", *arguments.split(), "--dry-run", folder=tmp_path, **served)
    ended = run("run", *arguments.split(), folder=tmp_path, **served)
    assert (dry.returncode, ended.returncode) == (0, 0), dry.stderr + ended.stderr
    assert "would submit 1 shot:" in dry.stderr
    assert ledger(served)["creates"]["received"] == 1


def test_a_folder_whose_name_is_no_utf8_fails_nowhere(served: dict[str, str], tmp_path: Path) -> None:
    """Shots, journal and files may be there: every command works, and what it writes is UTF-8."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "in.png").write_bytes(PNG)
    write(folder, shot(key="a", promptImage="in.png"))
    (folder / "shots.jsonl").rename(folder / os.fsdecode(b"\xe9.jsonl"))
    where = folder.name
    shots, journal, out = f"{where}/" + os.fsdecode(b"\xe9.jsonl"), f"{where}/shots.db", f"{where}/out"
    batch = ("run", shots, "--journal", journal, "--output-dir", out)
    commands = [
        (*batch, "--dry-run"),
        (*batch, "--json"),
        batch,
        ("status", journal),
        ("status", journal, "--json"),
        ("resume", journal, "--output-dir", out),
        ("export", journal),
        ("export", journal, "--format", "csv"),
        ("export", journal, "-o", f"{where}/a.jsonl"),
        ("export", journal, "--format", "csv", "-o", f"{where}/a.csv"),
        ("gallery", journal, "-o", f"{where}/a.html"),
        ("gallery", out, "-o", "b.html"),
    ]
    for command in commands:
        ended = subprocess.run(
            [*COMMAND, *command], cwd=tmp_path, env={**os.environ, **served}, capture_output=True, check=False
        )
        assert ended.returncode == 0, (command, ended.stderr)
        assert b"surrogates" not in ended.stdout + ended.stderr
        ended.stdout.decode()
    assert (folder / "out" / "a.mp4").exists()
    uri = (folder / "out" / "a.mp4").as_uri()
    [record] = map(json.loads, (folder / "a.jsonl").read_text().splitlines())
    assert record["files"] == [uri]
    assert uri in (folder / "a.csv").read_text()
    assert "caf%E9/out/a.mp4" in (tmp_path / "b.html").read_text()


def test_events_name_a_folder_that_is_no_utf8(served: dict[str, str], tmp_path: Path) -> None:
    """A strict program can read each event, and finds the file by it."""
    out = os.fsdecode(b"caf\xe9")
    ended = run("run", write(tmp_path, shot(key="a")), "--json", "--output-dir", out, folder=tmp_path, **served)
    assert ended.returncode == 0
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert all(json.dumps(event, ensure_ascii=False).encode() for event in events)
    [file] = next(event["files"] for event in events if event["event"] == "downloaded")
    assert file["path"] == (tmp_path / out / "a.mp4").as_uri()


def test_a_folder_that_cannot_be_made_is_told_though_it_is_no_utf8(tmp_path: Path) -> None:
    """A message with such a name is one line and status 2, as any other."""
    (tmp_path / "file").touch()
    for option in ("--output-dir", "--journal"):
        place = os.fsdecode(b"file/caf\xe9")
        ended = run("run", write(tmp_path, shot()), option, place, folder=tmp_path, **never_asked())
        assert ended.returncode == 2
        assert r"caf\udce9" in ended.stderr


def test_a_journal_is_checked_and_pruned(served: dict[str, str], tmp_path: Path) -> None:
    """After a batch: it is whole; pruned it is smaller, whole, and the batch run again buys nothing."""
    shots = write(tmp_path, *(shot(key=f"a{number}", prompt_text="long " * 150) for number in range(30)))
    command = ("run", shots, "--journal", "shots.db", "--quiet")
    assert run(*command, folder=tmp_path, **served).returncode == 0
    accepted = ledger(served)["creates"]["accepted"]
    assert "no damage, 30 submissions" in run("check", "shots.db", folder=tmp_path).stdout
    done = run("prune", "shots.db", "--delivered-before", "2999-01-01", folder=tmp_path)
    assert (done.returncode, "future" in done.stderr) == (2, True)
    done = run("prune", "shots.db", "--delivered-before", datetime.now(UTC).isoformat(), folder=tmp_path)
    assert "30 submissions pruned;" in done.stdout
    assert "no damage, 30 submissions" in run("check", "shots.db", folder=tmp_path).stdout
    assert "30 delivered" in run("status", "shots.db", folder=tmp_path).stdout
    assert run("export", "shots.db", "--format", "csv", folder=tmp_path).returncode == 0
    assert run(*command, folder=tmp_path, **served).returncode == 0
    assert ledger(served)["creates"]["accepted"] == accepted
