"""One PostgreSQL server for all services of an environment, where the spec asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi import Output, Resource

from plinth import ports, render

if TYPE_CHECKING:
    from plinth.clouds.local.adapter import Local

NAME: Final = "postgresql"
PORT: Final = 5432
HOST: Final = "127.0.0.1"
#: Who services are; its superuser cannot log in at all.
ROLE: Final = "plinth"
#: Debian's is not on PATH: it keeps a folder for each version.
_NAMES: Final = ("postgres", "/usr/lib/postgresql/*/bin/postgres")
_PACKAGE: Final = "postgresql-15"
#: Nobody but the role, and nobody without its password (auth-pg-hba-conf.html).
_ACCESS: Final = f"host all {ROLE} {HOST}/32 scram-sha-256\n"


def server(cloud: Local, *, parent: Resource) -> ports.ProcessDatabase:
    """Runs the server.

    An interrupt ends it without waiting for its clients ("fast shutdown", server-shutdown.html).
    """
    found = cloud.executable(_NAMES, _PACKAGE)
    folder = cloud.folder(NAME, parent=parent)
    port = cloud.port(NAME, PORT)
    password = cloud.password(NAME, parent=parent)
    role = password.apply(
        lambda known: render.text("postgres/role.sql.j2", role=ROLE, password=known)
    )
    program = ports.Program(
        command=[
            found.path,
            *("-D", Output.concat(folder, "/main")),
            *("-c", f"listen_addresses={HOST}", "-c", Output.concat("port=", port.apply(str))),
            *("-c", "unix_socket_directories=", "-c", "hba_file=pg_hba.conf"),
            # Debian's compiler for queries is a package of its own, which may not be there.
            *("-c", "jit=off"),
        ],
        files={
            "pg_hba.conf": _ACCESS,
            "prepare.sh": render.text("postgres/prepare.sh"),
            "role.sql": role,
        },
        before=[["sh", "prepare.sh", found.path, folder]],
        port=port,
        # Its last line is the server's state (utils/pidfile.h); the file goes when that ends, and
        # with the step before when that was killed.
        ready=["grep", "-q", "^ready", Output.concat(folder, "/main/postmaster.pid")],
        stop="INT",
        missing=found.missing,
    )
    process = cloud.run(NAME, program, parent=parent)
    return ports.ProcessDatabase(
        address=Output.format("{}@{}:{}", ROLE, HOST, port),
        variables={
            "PGHOST": HOST,
            "PGPORT": port.apply(str),
            "PGUSER": ROLE,
            "PGPASSWORD": password,
        },
        missing=found.missing,
        ref=process.ref,
    )
