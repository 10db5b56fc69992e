"""A batch over a network that is slow and loses packets: `python -m tests.real_faults.lossy FOLDER SHOTS`.

It needs a network namespace of its own, in which it may drop packets: `unshare --net` by root, and nft. Of all TCP
packets 5 % are dropped at random. A relay delays each direction by 0.1 s. It prints what the client prints, and then
the emulator's books, each as a line of JSON.
"""

import json
import os
import subprocess
import sys
from urllib.request import urlopen

from tests.real_faults.faults import behind_relays, client, running_emulator

RULES = """
table inet loss {
  chain input {
    type filter hook input priority 0;
    meta l4proto tcp numgen random mod 100 < 5 drop
  }
}
"""


def main(folder: str, count: str) -> None:
    """Run it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607 - wherever the system has it
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)  # noqa: S607 - likewise
    with running_emulator() as emulator, behind_relays(emulator, delay=0.1) as relays:
        told = client(folder, count, relays.environment(emulator)).communicate(timeout=600)
        with urlopen(f"{emulator.base_url}/__emulator__/ledger") as answer:  # noqa: S310 - our own process
            books = json.load(answer)
    print(told[0].splitlines()[-1])
    print(json.dumps(books))
    sys.stderr.write(told[1])


if __name__ == "__main__":
    assert os.geteuid() == 0
    main(*sys.argv[1:])
