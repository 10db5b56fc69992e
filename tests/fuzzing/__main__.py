"""Fuzz one target until it fails or its time is over: `python -m tests.fuzzing TARGET [SECONDS]`.

An input that raises, takes more than ten seconds or a gigabyte is a finding: it is written to the working directory.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["cometrunway"]):
    from tests.fuzzing._targets import TARGETS

LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-max_len=65536")


def main() -> None:
    """Run the fuzzer, which ends the process."""
    name, seconds = sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 60
    target = TARGETS[name]
    with TemporaryDirectory() as corpus:
        for number, sample in enumerate(target.samples):
            Path(corpus, str(number)).write_bytes(sample)
        atheris.Setup([f"fuzz {name}", f"-max_total_time={seconds}", *LIMITS, corpus], target.feed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
