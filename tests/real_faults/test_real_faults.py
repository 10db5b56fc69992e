"""Real faults of real processes: each shot is bought once, each file is whole, and nothing is left open.

They are short here, and as long as in the world by `nox -s faults`, which sets COMETRUNWAY_FAULTS=long.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

import pytest

from cometrunway.emulator import Emulator
from tests.emulator_process import ROOT
from tests.real_faults.faults import SHOTS, Process, behind_relays, check, client, paused, running_emulator, said
from tests.real_faults.lossy import RULES

IS_LONG = os.environ.get("COMETRUNWAY_FAULTS") == "long"
MOMENTS = ["begun", "half"] if IS_LONG else ["half"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs signals and /proc")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator, whose state outlives the relays in front of it."""
    with running_emulator() as running:
        yield running


def books(emulator: Emulator) -> Any:
    """Return the emulator's ledger."""
    with urlopen(f"{emulator.base_url}/__emulator__/ledger") as answer:  # noqa: S310 - our own process
        return json.load(answer)


def ended(process: Process, emulator: Emulator, folder: Path, *, may_doubt: bool = False) -> None:
    """Wait until the client has ended, and check what it leaves."""
    told, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    check(folder, books(emulator), told, errors, may_doubt=may_doubt)


def test_the_host_of_files_is_killed_during_downloads(emulator: Emulator, tmp_path: Path) -> None:
    """It is started again a moment later, several times; the files are whole."""
    kills = 10 if IS_LONG else 3
    with behind_relays(emulator, slow_files=True) as relays:
        process = client(tmp_path, SHOTS, relays.environment(emulator))
        while not list(tmp_path.glob("out/*.part")):
            time.sleep(0.02)
        for _ in range(kills):
            time.sleep(0.3)
            relays.assets.kill()
            time.sleep(0.3)
            relays.assets.start()
        ended(process, emulator, tmp_path)
    assert any("range" in request.headers for request in emulator.requests_of("asset"))


def test_the_api_is_killed_and_keeps_its_state(emulator: Emulator, tmp_path: Path) -> None:
    """Connections break at random moments, and none can be made meanwhile; only a create under way is in doubt."""
    rng, kills = Random(7), 20 if IS_LONG else 4
    with behind_relays(emulator, delay=0.02) as relays:
        process = client(tmp_path, SHOTS, relays.environment(emulator))
        said(process, "begun")
        for _ in range(kills):
            time.sleep(rng.uniform(0.05, 0.5))
            relays.api.kill()
            time.sleep(rng.uniform(0.0, 0.3))
            relays.api.start()
        ended(process, emulator, tmp_path, may_doubt=True)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_relay_stalls(emulator: Emulator, tmp_path: Path, moment: str) -> None:
    """What is sent meanwhile is neither answered nor refused; the long form is longer than a poll may take."""
    with behind_relays(emulator) as relays:
        process = client(tmp_path, SHOTS, relays.environment(emulator))
        said(process, moment)
        relays.api.stall(75.0 if IS_LONG else 2.0)
        ended(process, emulator, tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_machine_that_sleeps(emulator: Emulator, tmp_path: Path, moment: str) -> None:
    """The client is stopped for a minute; its servers go on."""
    with behind_relays(emulator) as relays:
        process = client(tmp_path, SHOTS, relays.environment(emulator))
        said(process, moment)
        paused(process, 60.0 if IS_LONG else 2.0)
        ended(process, emulator, tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
def test_names_that_are_not_known_for_two_minutes(emulator: Emulator, tmp_path: Path, moment: str) -> None:
    """All connections are lost, and the API's name leads nowhere; what could not be sent is sent later, once."""
    with behind_relays(emulator) as relays:
        process = client(tmp_path, SHOTS, relays.environment(emulator, host="localhost"))
        said(process, moment)
        (tmp_path / "no-names").touch()
        relays.api.kill()
        relays.api.start()
        time.sleep(120.0 if IS_LONG else 2.0)
        (tmp_path / "no-names").unlink()
        ended(process, emulator, tmp_path, may_doubt=True)


def test_a_network_that_is_slow_and_loses_packets(tmp_path: Path) -> None:
    """With 5 % of all packets dropped and 200 ms of delay, all goes well, and slowly."""
    unshare = ["unshare", "--net"]
    try:
        rules = [*unshare, "sh", "-c", "ip link set lo up && nft -f -"]
        subprocess.run(rules, input=RULES, text=True, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"NOT TRIED: a network namespace that drops packets needs root, unshare, ip and nft: {error}")
    count = SHOTS if IS_LONG else 8
    command = [*unshare, sys.executable, "-m", "tests.real_faults.lossy", str(tmp_path), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told, ledger = done.stdout.splitlines()
    check(tmp_path, json.loads(ledger), told, done.stderr, may_doubt=True, count=count)
