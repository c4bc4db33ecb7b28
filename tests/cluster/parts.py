"""The real parts of a cluster on loopback: PostgreSQL and Redis from Debian, an S3 server from PyPI.

Each begins in a folder of its own on a free port and ends with the tests. What is missing is installed from Debian; where
that is impossible the tests fail and say what to install.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUCKET = "lake"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "of-the-tests",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_REGION": "eu-south-1",
}
# no limit of the parts: of a machine that hangs
PATIENCE_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, ready: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > ends:
            raise AssertionError(f"{what} is not ready after {PATIENCE_S} s")
        time.sleep(0.1)


def program(name: str, package: str, *places: str) -> str:
    """The path of a program, installed from Debian's `package` if it is missing."""
    if found := _found(name, *places):
        return found
    if os.geteuid() or not shutil.which("apt-get"):
        raise AssertionError(f"{name} is missing: install it (Debian: apt install {package})")
    print(f"installing {package}", file=sys.stderr)
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], check=True, **quiet
    )
    found = _found(name, *places)
    assert found, f"{package} has no {name}"
    return found


def _found(name: str, *places: str) -> str | None:
    found = [str(path) for place in places for path in sorted(Path("/").glob(f"{place}/{name}"))]
    return found[-1] if found else shutil.which(name)


class Postgres:
    """A PostgreSQL server. It refuses to run as root, so root lends it to the user whom Debian makes for it."""

    def __init__(self, folder: Path):
        self.bin = Path(program("initdb", "postgresql", "usr/lib/postgresql/*/bin")).parent
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen | None = None
        folder.mkdir()
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
            # which the other user has to pass
            folder.parent.chmod(0o711)
        password = folder.with_name("password")
        password.write_text("of-the-tests")
        password.chmod(0o644)
        options = ["-U", "distretto", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync"]
        self._run([str(self.bin / "initdb"), "-D", str(folder / "data"), *options]).communicate()
        self.start()

    def _run(self, words: list[str]) -> subprocess.Popen:
        more = (
            {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        )
        log = open(self.folder.with_name("postgres.log"), "a")
        return subprocess.Popen(words, cwd="/", stdout=log, stderr=log, **more)

    @property
    def environment(self) -> dict[str, str]:
        return {"PGUSER": "distretto", "PGPASSWORD": "of-the-tests"}

    def start(self) -> None:
        options = [
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
        ]
        self.process = self._run([str(self.bin / "postgres"), "-D", str(self.folder / "data"), *options])
        wait_for("PostgreSQL", self._answers)

    def _answers(self) -> bool:
        words = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(words).returncode == 0

    def kill(self) -> None:
        """SIGKILL to the server and its children, as a power failure ends them."""
        assert self.process
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        self.process.kill()
        self.process.wait()
        for pid in children.stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()

    def sql(self, statement: str, database: str) -> list[tuple]:
        import psycopg2

        con = psycopg2.connect(
            host="127.0.0.1", port=self.port, dbname=database, user="distretto", password="of-the-tests"
        )
        con.autocommit = True
        with con.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
        con.close()
        return rows


class Store:
    """An S3 server that keeps objects in memory."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        log = open(folder / "store.log", "w")
        code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{self.port}'])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=log, stderr=log, env={**os.environ, **CREDENTIALS}
        )
        wait_for("the S3 server", self._answers)
        urllib.request.urlopen(
            urllib.request.Request(f"{self.address}/{BUCKET}", method="PUT", data=b"")
        ).close()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.address}/moto-api/").close()
        except OSError:
            return False
        return True

    @property
    def environment(self) -> dict[str, str]:
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.address}

    @property
    def objects(self) -> Any:
        """A client of the bucket."""
        from obstore.store import S3Store

        return S3Store(
            BUCKET,
            endpoint=self.address,
            access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region=CREDENTIALS["AWS_REGION"],
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Redis:
    """A Redis server that keeps nothing on disk."""

    def __init__(self, folder: Path):
        self.port = free_port()
        log = open(folder / "redis.log", "w")
        words = [program("redis-server", "redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        self.process = subprocess.Popen([*words, "--save", "", "--appendonly", "no"], stdout=log, stderr=log)
        wait_for("Redis", self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@dataclass
class Parts:
    """What a lake runs on, shared by all tests; each test has a database and a prefix of its own."""

    postgres: Postgres
    store: Store
    _count: int = field(default=0)

    def lake(self) -> str:
        """The addresses of a new, empty lake."""
        self._count += 1
        name = f"lake{self._count}"
        self.postgres.sql(f"create database {name}", "postgres")
        return f"postgresql://127.0.0.1:{self.postgres.port}/{name} s3://{BUCKET}/{name}"

    @property
    def environment(self) -> dict[str, str]:
        return {**self.postgres.environment, **self.store.environment}
