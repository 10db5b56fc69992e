"""A batch on the command line, run again: from a changed file, to another folder, after a failure."""

import hashlib
import json
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cometrunway import Journal
from tests.cli.test_main import ledger, never_asked, run, shot, write
from tests.pictures import picture
from tests.served import in_shell, served_by_emulator, started


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with served_by_emulator("--median", "0.5", "--not-exist", "0.2") as environment:
        yield environment


def test_a_file_that_was_renamed_and_changed_buys_what_is_new(served: dict[str, str], tmp_path: Path) -> None:
    """The operator is told before anything is sent; what was paid for is used, whatever its line is now."""
    shots = [shot(prompt_text=prompt) for prompt in "abc"]
    batch = ("--journal", "shots.db", "--quiet")
    assert run("run", write(tmp_path, *shots), *batch, folder=tmp_path, **served).returncode == 0
    write(tmp_path, shot(prompt_text="x"), *shots)
    (tmp_path / "shots.jsonl").rename(tmp_path / "monday.jsonl")
    dry = run("run", "monday.jsonl", "--journal", "shots.db", "--dry-run", folder=tmp_path, **never_asked())
    assert "3 of 4 shots are in shots.db under other keys" in dry.stderr
    assert "monday-0002 as shots-0001" in dry.stderr
    assert "would submit 1 shot:" in dry.stderr
    for _ in range(2):
        ended = run("run", "monday.jsonl", *batch, folder=tmp_path, **served)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ledger(served)["creates"]["received"] == 4
    assert sorted(file.stem for file in (tmp_path / "outputs").iterdir()) == [
        "monday-0001",
        "shots-0001",
        "shots-0002",
        "shots-0003",
    ]


def test_images_are_made_to_fit_and_bought_once(served: dict[str, str], tmp_path: Path) -> None:
    """What was done is printed once for each file; without the option it is refused, unless it was bought before."""
    (tmp_path / "photo.tif").write_bytes(picture((1200, 300), "TIFF"))
    shots = [shot(promptImage="photo.tif", prompt_text=prompt) for prompt in "ab"]
    batch = ("run", write(tmp_path, *shots), "--journal", "shots.db")
    refused = run(*batch, folder=tmp_path, **never_asked())
    assert refused.returncode == 2
    assert "photo.tif') is image/tiff; JPEG, PNG and WebP are taken" in refused.stderr
    assert "--fit shrink makes it fit [2 rows: lines 1, 2]" in refused.stderr
    bought = run(*batch, "--fit", "shrink", folder=tmp_path, **served)
    assert bought.returncode == 0, bought.stderr
    assert bought.stderr.count("is sent cropped, converted to image/png: of 1200x300 pixels") == 1
    assert run(*batch, folder=tmp_path, **served).returncode == 0
    assert ledger(served)["creates"]["received"] == 2


def test_renamed_keys_are_refused_until_the_operator_says_what_they_mean(
    served: dict[str, str], tmp_path: Path
) -> None:
    """Nothing is sent; with `--other-keys use` nothing is bought, and with `--other-keys buy` all of it."""
    batch = ("--journal", "shots.db")
    first = write(tmp_path, shot(key="a", prompt_text="1"), shot(key="b", prompt_text="2"))
    assert run("run", first, *batch, folder=tmp_path, **served).returncode == 0
    second = write(tmp_path, shot(key="c", prompt_text="1"), shot(key="d", prompt_text="2"))
    refused = run("run", second, *batch, folder=tmp_path, **never_asked())
    assert refused.returncode == 2
    assert "c as a, d as b; add --other-keys use" in refused.stderr
    for answer, creates in (("use", 2), ("buy", 4)):
        assert run("run", second, *batch, "--other-keys", answer, folder=tmp_path, **served).returncode == 0
        assert ledger(served)["creates"]["received"] == creates
    counts = json.loads(run("status", "shots.db", "--json", folder=tmp_path).stdout)
    assert counts["delivered"] == 4


def test_the_command_that_is_shown_goes_on_with_all_of_it(served: dict[str, str], tmp_path: Path) -> None:
    """An interrupted run says what was submitted, what is owed and what was never sent; its command finishes all."""
    name = write(tmp_path, *(shot(key=f"a {number}", prompt_text=f"{number} [seconds 3]") for number in range(5)))
    options = ("--journal", "my shots.db", "--max-in-flight", "2", "--output-dir", "my clips")
    with started("run", name, *options, "--json", folder=tmp_path, **served) as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["event"] for _ in range(2)] == ["submitted"] * 2
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    *_, header, left, command = errors.splitlines()
    assert header == "cometrunway: interrupted: 2 of 5 shots submitted"
    assert left == "  2 are paid for and not on disk, 3 never sent; to go on with all of it:"
    again = run(*shlex.split(command)[1:], folder=tmp_path, **served)
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "my clips").iterdir())) == 5
    assert ledger(served)["creates"]["accepted"] == 5


def test_without_a_journal_the_operator_is_told_what_the_same_command_would_cost(
    served: dict[str, str], tmp_path: Path
) -> None:
    """The ids of what is owed are listed, for nothing else knows them."""
    name = write(tmp_path, *(shot(key=str(number), prompt_text=f"{number} [seconds 30]") for number in range(3)))
    with started("run", name, "--max-in-flight", "1", "--json", folder=tmp_path, **served) as process:
        assert process.stdout is not None
        task_id = json.loads(process.stdout.readline())["task_id"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert f"0  image_to_video  {task_id}" in errors
    assert "2 never sent; without a journal, another run does not know which of the 3 are paid for" in errors


def test_a_run_that_sent_nothing_is_to_be_run_again(tmp_path: Path) -> None:
    """Nothing was accepted, so the command is the same one, also without a journal."""
    name = write(tmp_path, shot(key="a"), shot(key="b"))
    ended = run("run", name, "--budget", "0", "--quiet", folder=tmp_path, **never_asked())
    assert ended.returncode == 1
    *_, left, command = ended.stderr.splitlines()
    assert left == "  nothing was accepted, so nothing is paid for; to try again:"
    assert command == f"  cometrunway run {name} --budget 0 --quiet"


def test_a_run_whose_key_is_refused_is_to_be_run_again(served: dict[str, str], tmp_path: Path) -> None:
    """Nothing was accepted, so the command is the same one, with another key."""
    name = write(tmp_path, shot(key="a"), shot(key="b"))
    ended = run("run", name, "--quiet", folder=tmp_path, **{**served, "COMETAPI_KEY": "sk-wrong"})
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"nothing is paid for; to try again:\n  cometrunway run {name} --quiet\n")


def test_an_interrupted_run_on_the_built_in_server_is_to_begin_anew(tmp_path: Path) -> None:
    """Its tasks are gone with the server: nothing was paid, and a run that knows them from the journal is refused."""
    name = write(tmp_path, shot(key="a", prompt_text="[seconds 60]"))
    command = ("run", name, "--emulator", "--journal", "shots.db")
    with started(*command, "--json", folder=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert "1 is unfinished, and the built-in server ends with this run: nothing was paid" in errors
    assert "to begin anew, give it another journal, or remove shots.db" in errors
    again = run(*command, folder=tmp_path)
    assert again.returncode == 2
    assert "shots.db has 1 unfinished task of another server" in again.stderr


def test_a_journal_of_an_emulator_is_told_where_the_api_is_used(tmp_path: Path) -> None:
    """What it has delivered counts as delivered; the warning names the cure, and is shown with --quiet too."""
    batch = ("run", write(tmp_path, shot(key="a"), shot(key="b")), "--journal", "shots.db", "--quiet")
    emulated = run(*batch, "--emulator", folder=tmp_path)
    assert (emulated.returncode, emulated.stderr) == (0, "")
    for more in (("--dry-run",), ()):
        ended = run(*batch, *more, folder=tmp_path, COMETAPI_KEY="sk-x", COMETRUNWAY_BASE_URL="")
        assert ended.returncode == 0
        warning = ended.stderr.splitlines()[0]
        assert "warning: in shots.db, 2 shots have files of a server on this machine, such as an emulator" in warning
        assert "another --journal and another --output-dir" in warning
        assert ended.stderr.count("warning") == 1


def test_the_balance_is_said_before_anything_is_submitted(tmp_path: Path) -> None:
    """Where the provider tells; a batch that runs out of it stops submitting, and says why."""
    shot = {"route": "text_to_video", "model": "gen4.5", "prompt_text": "a", "ratio": "1280:720", "duration": 5}
    (tmp_path / "shots.jsonl").write_text("\n".join(json.dumps({**shot, "seed": seed}) for seed in range(3)))
    with served_by_emulator("--median", "0.2", "--balance", "1") as served:
        runway = {"RUNWAYML_BASE_URL": served["COMETRUNWAY_BASE_URL"], "RUNWAYML_API_SECRET": "sk-emulator"}
        environment = {**runway, "COMETAPI_KEY": "", "COMETRUNWAY_BASE_URL": ""}
        ended = run("run", "shots.jsonl", "--provider", "runway", folder=tmp_path, **environment)
    assert ended.returncode == 1
    assert "the balance at runway: 1 credit" in ended.stdout + ended.stderr
    assert "not have enough credits" in ended.stdout + ended.stderr


def test_a_finished_batch_can_be_had_in_another_folder(served: dict[str, str], tmp_path: Path) -> None:
    """The operator is told where its files are, and they are linked from there: nothing is downloaded or paid for."""
    batch = ("run", write(tmp_path, shot(key="a"), shot(key="b")), "--journal", "shots.db")
    assert run(*batch, folder=tmp_path, **served).returncode == 0
    asked = len(ledger(served)["entries"])
    dry = run(*batch, "--output-dir", "clips", "--dry-run", folder=tmp_path, **never_asked())
    assert f"2 files of finished shots are in {tmp_path / 'outputs'}; the run links what is whole into" in dry.stderr
    assert not (tmp_path / "clips").exists()
    ended = run(*batch, "--output-dir", "clips", folder=tmp_path, **never_asked())
    assert ended.returncode == 0, ended.stderr
    assert "2 of 2 shots delivered; files are in clips" in ended.stdout
    for name in ("a.mp4", "b.mp4"):
        assert (tmp_path / "clips" / name).samefile(tmp_path / "outputs" / name)
    assert len(ledger(served)["entries"]) == asked


def test_a_file_that_was_changed_elsewhere_is_not_linked(served: dict[str, str], tmp_path: Path) -> None:
    """It is downloaded as any file that is missing."""
    batch = ("run", write(tmp_path, shot(key="a")), "--journal", "shots.db")
    assert run(*batch, folder=tmp_path, **served).returncode == 0
    whole = (tmp_path / "outputs" / "a.mp4").read_bytes()
    (tmp_path / "outputs" / "a.mp4").write_bytes(b"changed")
    assert run(*batch, "--output-dir", "clips", folder=tmp_path, **served).returncode == 0
    assert (tmp_path / "clips" / "a.mp4").read_bytes() == whole
    assert ledger(served)["creates"]["accepted"] == 1


def test_runs_in_one_folder_do_not_disturb_each_other(served: dict[str, str], tmp_path: Path) -> None:
    """Four at once, with the same keys and journals of their own: each has all of its files, and finds them again."""
    write(tmp_path, *(shot(key=key, prompt_text=f"{key} [seconds 1]") for key in "abc"))
    environment = {**os.environ, **served}
    environment.pop("PYTHONDEVMODE", None)  # asyncio would tell of each turn that takes long
    for option in ("--pay-again", ""):  # the journals are new in the first round
        lines = [f"cometrunway run shots.jsonl --journal {number}.db --quiet {option}" for number in range(4)]
        ended = in_shell(*lines, folder=tmp_path, environment=environment)
        assert [(each.returncode, each.stderr) for each in ended] == [(0, "")] * 4
        assert ledger(served)["creates"]["accepted"] == 12
    kept = [asset for number in range(4) for entry in Journal.read(tmp_path / f"{number}.db") for asset in entry.assets]
    assert len({asset.path for asset in kept}) == len(list((tmp_path / "outputs").iterdir())) == 12
    for asset in kept:
        assert asset.path is not None
        assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256


def test_a_second_run_without_a_journal_is_refused(tmp_path: Path) -> None:
    """The run and its dry run name the keys and the two ways on, also with a new journal; the option pays again."""
    write(tmp_path, shot(key="cat"))
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "cat.mp4").touch()
    for options in ((), ("--journal", "new.db")):
        ended = run("run", "shots.jsonl", "--dry-run", *options, folder=tmp_path, **never_asked())
        assert ended.returncode == 2
        assert "1 key names files that are in outputs already (cat)" in ended.stderr
    assert "Use the journal of the first run: --journal. To pay again, use --pay-again: the new files" in ended.stderr
    assert '[see "Errors from A to Z" in the documentation, errors#keyusederror]' in ended.stderr
    again = run("run", "shots.jsonl", "--dry-run", "--pay-again", folder=tmp_path, **never_asked())
    assert (again.returncode, "would submit 1 shot" in again.stderr) == (0, True)
    free = run("run", "shots.jsonl", "--dry-run", "--emulator", folder=tmp_path)
    assert (free.returncode, "would submit 1 shot" in free.stderr) == (0, True)
