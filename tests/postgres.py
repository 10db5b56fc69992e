"""A PostgreSQL server of the tests' own, in a temporary folder: made, stopped, killed, restarted, and removed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from attrs import define

from cometrunway._journal._place import place_of
from cometrunway._journal._stores import migrate

VARIABLE = "COMETRUNWAY_POSTGRES"
"""Names the folder of the server's programs; without it, nothing that needs a server is tried."""
_OPTIONS = {"listen_addresses": "127.0.0.1", "max_connections": 50, "shared_buffers": "16MB", "fsync": "off"}
_numbers = count(1)


@define
class Server:
    """A running server, whose superuser `tester` has the password `canary-password`."""

    programs: Path
    folder: Path
    port: int
    _user: str | None

    def url(self, *, database: str = "postgres", user: str = "tester", **parameters: object) -> str:
        """Return a URL with a password in it."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{user}:canary-password@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def journal(self, *, lease: float = 30) -> str:
        """Return the URL of a new journal, in a schema of its own."""
        url = self.url(schema=f"s{next(_numbers)}", lease=lease)
        migrate(place_of(url))
        return url

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in {**_OPTIONS, "port": self.port}.items())
        self._control("start", "-o", f"{options} -k {self.folder}", "-l", str(self.folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop it; the mode `immediate` is a crash."""
        self._control("stop", "-m", mode)

    def _control(self, verb: str, *options: str) -> None:
        self.run("pg_ctl", verb, "-w", "-s", "-D", str(self.folder / "data"), *options)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of its programs, as its user."""
        subprocess.run(
            [str(self.programs / program), *arguments],
            check=True,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
        )


@contextmanager
def running_server() -> Iterator[Server]:
    """Make a server, run it, and remove it."""
    programs = Path(os.environ[VARIABLE])
    folder = Path(tempfile.mkdtemp(prefix="cometrunway-postgres-"))
    try:
        user = _user()
        if user is not None:
            shutil.chown(folder, user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(programs, folder, port, user)
        (folder / "password").write_text("canary-password")
        (folder / "password").chmod(0o644)
        options = (
            "-U",
            "tester",
            "--auth=scram-sha-256",
            f"--pwfile={folder / 'password'}",
            "-E",
            "UTF8",
            "--locale=C",
        )
        server.run("initdb", "-D", str(folder / "data"), "-N", *options)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _user() -> str | None:
    """Return another user than root, whom the server refuses; None for the one that runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
