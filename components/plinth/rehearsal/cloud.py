"""The simulated cloud: a local database of the resources that exist.

Every package shares one database, so what one deployment made is there for the next refresh, and
anyone may change or delete things behind the engine's back:

    with Cloud(Path("cloud.db")) as cloud:
        bucket, = cloud.resources(type="aws:s3/bucket:Bucket")
        cloud.patch(bucket, "forceDestroy", True)
        cloud.delete(bucket)

Each operation is one transaction that ends before the engine hears of it.  An engine that is
killed in between leaves a resource that its state does not know; :meth:`Cloud.find` finds it.
"""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from plinth.errors import EngineError, Problem

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS resources (
  scope TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, urn TEXT, seed TEXT NOT NULL,
  region TEXT NOT NULL, revision INTEGER NOT NULL, inputs TEXT NOT NULL, outputs TEXT NOT NULL,
  serial INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (scope, type, id, region));
CREATE INDEX IF NOT EXISTS resources_urn ON resources (urn);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""
_COLUMNS: Final = "scope, type, id, urn, seed, region, revision, inputs, outputs, serial"
_LIKE: Final = "WHERE scope = ? AND {} LIKE ? ESCAPE '!'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One resource that exists in the simulated cloud.

    Attributes:
        scope: The account or cluster that holds it, such as ``aws:111111111111``.
        type: Type token.
        id: Physical identifier, unique for its type within the scope, or a region of it.
        urn: The URN it was made for; ``None`` for what the engine did not make.
        region: Region, or an empty text where there is none.
        inputs: The properties that were asked for, as they are now.
        outputs: The properties that the cloud made up.
        seed: What made-up identifiers derive from.
        revision: How often it has been changed, from 1.
        serial: Order of creation.
    """

    scope: str
    type: str
    id: str
    urn: str | None = None
    region: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    seed: str = ""
    revision: int = 1
    serial: int = 0

    @property
    def state(self) -> dict[str, Any]:
        """All properties, the way a provider returns them."""
        return merged(self.inputs, self.outputs)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two property maps as one; nested objects are merged, anything else is taken over."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


class Cloud:
    """The database, open. One instance may be shared by threads.

    Args:
        path: The file; made when it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what is read and written inside happens at one moment."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def resources(
        self,
        *,
        type: str = "*",  # noqa: A002 as in a record
        scope: str | None = None,
        urn: str = "*",
    ) -> list[Record]:
        """The resources that exist, oldest first.

        Args:
            type: Glob on the type token, such as ``aws:rds/*``.
            scope: Only those of one account or cluster.
            urn: Glob on the URN.
        """
        where = "WHERE ? IN (scope, '') AND type GLOB ? AND coalesce(urn, '') GLOB ?"
        return self._records(where, (scope or "", type, urn))

    def get(
        self, type_: str, id_: str, scope: str | None = None, region: str = ""
    ) -> Record | None:
        """The resource of a type with an identifier, if it exists; in a region or in any."""
        where = "WHERE type = ? AND id = ? AND ? IN (scope, '') AND ? IN (region, '')"
        return next(iter(self._records(where, (type_, id_, scope or "", region))), None)

    def by_id(self, id_: str, scope: str) -> Record | None:
        """The resource with an identifier, whatever its type."""
        return next(iter(self._records("WHERE id = ? AND scope = ?", (id_, scope))), None)

    def find(self, urn: str) -> str | None:
        """The identifier of the newest resource made for a URN, or ``None``.

        This is how a resource is recovered that was made just before the engine died.
        """
        found = self._records("WHERE urn = ?", (urn,))
        return found[-1].id if found else None

    def knows(self, text: str, scope: str) -> bool:
        """Whether something has this identifier, or came along with something that exists."""
        return self.by_id(text, scope) is not None or any(
            True for _ in self._records(_LIKE.format("outputs"), (scope, _like(text)))
        )

    def mentioning(self, text: str, scope: str) -> list[Record]:
        """The resources one of whose inputs is, or contains as an item, exactly this text."""
        return self._records(_LIKE.format("inputs"), (scope, _like(text)))

    def add(self, record: Record, *, regional: bool = False) -> Record:
        """Record a new resource.

        Raises:
            EngineError: One with that type and identifier exists in the scope, or in the region
                where identifiers are ``regional``.
        """
        taken = EngineError(
            Problem(code="already-exists", message=f"{record.type} {record.id} already exists")
        )
        values = (record.scope, record.type, record.id, record.urn, record.seed, record.region)
        data = (record.revision, json.dumps(record.inputs), json.dumps(record.outputs))
        insert = (
            "INSERT INTO resources (scope, type, id, urn, seed, region, revision, inputs, outputs)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        with self._lock:
            if not regional and self.get(record.type, record.id, record.scope):
                raise taken
            try:
                self._db.execute(insert, (*values, *data))
            except sqlite3.IntegrityError as error:
                raise taken from error
            return self._current(record)

    def update(self, record: Record, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        """Replace the properties of a resource."""
        with self._lock:
            self._db.execute(
                "UPDATE resources SET inputs = ?, outputs = ?, revision = revision + 1"
                " WHERE serial = ?",
                (json.dumps(inputs), json.dumps(outputs), record.serial),
            )

    def patch(self, record: Record, path: str, value: Any) -> Record:
        """Change one property behind the engine's back; ``None`` removes it.

        Args:
            record: The resource.
            path: Property path such as ``spec.replicas`` or ``tags.owner``.
            value: The new value.

        Raises:
            EngineError: It does not exist.
        """
        with self.transaction():
            now = self._current(record)
            inputs, outputs = _copy(now.inputs), _copy(now.outputs)
            keys = [k for k in re.split(r"[.\[\]]+", path) if k]
            _set(outputs if keys[0] in outputs and keys[0] not in inputs else inputs, keys, value)
            self.update(now, inputs, outputs)
            return self._current(record)

    def delete(self, record: Record) -> None:
        """Delete a resource; deleting what is gone already is no error."""
        with self._lock:
            self._db.execute(
                "DELETE FROM resources WHERE scope = ? AND type = ? AND id = ? AND region = ?",
                (record.scope, record.type, record.id, record.region),
            )

    def count(self, name: str) -> int:
        """Add one to a lasting counter and return it: 1 the first time."""
        with self._lock:
            row = self._db.execute(
                "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name)"
                " DO UPDATE SET count = count + 1 RETURNING count",
                (name,),
            ).fetchone()
        return int(row[0])

    def counted(self, name: str) -> int:
        """What a lasting counter stands at, from 0."""
        with self._lock:
            row = self._db.execute("SELECT count FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def _current(self, record: Record) -> Record:
        found = self.get(record.type, record.id, record.scope, record.region)
        if found is None:
            problem = f"{record.type} {record.id} does not exist"
            raise EngineError(Problem(code="not-found", message=problem))
        return found

    def _records(self, where: str, values: tuple[object, ...]) -> list[Record]:
        query = f"SELECT {_COLUMNS} FROM resources {where} ORDER BY serial"  # noqa: S608 constants
        with self._lock:
            rows = self._db.execute(query, values).fetchall()
        names = _COLUMNS.split(", ")
        return [_record(dict(zip(names, row, strict=True))) for row in rows]


def _record(row: dict[str, Any]) -> Record:
    row["inputs"], row["outputs"] = json.loads(row["inputs"]), json.loads(row["outputs"])
    return Record(**row)


def _copy(data: Mapping[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(data))
    return copied


def _set(target: Any, keys: list[str], value: Any) -> None:
    for key, below in itertools.pairwise(keys):
        if isinstance(target, list):
            target = target[int(key)]
        else:
            target = target.setdefault(key, [] if below.isdigit() else {})
    if isinstance(target, list):
        target[int(keys[-1])] = value
    elif value is None:
        target.pop(keys[-1], None)
    else:
        target[keys[-1]] = value


def _like(text: str) -> str:
    """A pattern for a whole JSON text."""
    quoted = json.dumps(text).replace("!", "!!").replace("_", "!_").replace("%", "!%")
    return f"%{quoted}%"
