"""The shots that wait for a worker, and the budgets of their tenants, in SQL.

Each change of several statements is a generator: it yields statements and gets their rows. So the same code runs on a
connection of asyncio and on a blocking one.
"""

import json
from collections.abc import Generator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from attrs import frozen

from cometrunway._journal._postgres._connection import Parameters, stored
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import check_key
from cometrunway._wire._identity import describe, identity
from cometrunway._wire._mapping import request_from_dict
from cometrunway._wire._members import members, with_files
from cometrunway.errors import BudgetError, KeyConflictError
from cometrunway.fleet._engine import KEYS, TASK


class Statement(NamedTuple):
    """A statement and its parameters."""

    sql: str
    parameters: Parameters = ()


Rows = list[tuple[Any, ...]]
Script = Generator[Statement, Rows, bool]
"""Statements that run one after the other in one transaction; it returns whether a job must be added."""


@frozen(kw_only=True)
class QueuedShot:
    """A shot that waits for a worker."""

    key: str
    request: Request
    fingerprint: str
    priority: int = 0
    tenant: str | None = None
    price: Decimal | None = None
    """None if the fleet that queues it knows no prices."""


def to_json(request: Request) -> str:
    """Return a request as JSON, complete with data URIs and signatures of URLs; a file by its absolute path.

    Raises:
        ValueError: it contains bytes, which no other process has.
    """
    fields = with_files(members(request, str), _path) if request.local_files else members(request, str)
    return json.dumps({"route": request.route, **fields})


def from_json(text: str) -> Request:
    """Return the request that `to_json` has made to text."""
    return request_from_dict(json.loads(text), base_dir=Path("/"))


def fingerprint_of(request: Request, *, provider: str) -> str:
    """Return the digest by which a journal recognises the request."""
    return identity(describe(request, provider=provider))


def _path(file: Path | bytes) -> str:
    if isinstance(file, Path):
        return str(file.absolute())
    raise ValueError("a request of bytes cannot be queued: give a URL, or a path that every worker can read")


@frozen
class Queue:
    """The statements on the queue of one schema."""

    schema: str

    def add(self, shot: QueuedShot) -> Script:
        """Queue a shot, and count it in the budget of its tenant; return False if it is queued or submitted already.

        Raises:
            KeyConflictError: the key belongs to another request.
            BudgetError: the tenant's budget is used up.
            ValueError: there is no such tenant, or it has a budget of money, and the shot has no price.
        """
        values = {
            "key": shot.key,
            "request": to_json(shot.request),
            "fingerprint": shot.fingerprint,
            "priority": shot.priority,
            "tenant": shot.tenant,
            "price": shot.price or Decimal(0),
        }
        if shot.tenant is not None:  # locked first, as by all who lock both: lest two wait for each other in a circle
            yield Statement(f"SELECT FROM {self.schema}.tenant WHERE name = %s FOR NO KEY UPDATE", (shot.tenant,))
        # In two statements: one with DO UPDATE would lock a queued shot that it does not change.
        added = (yield self._insert(values)) or (yield self._queue_again(values))
        if not added:
            yield from self._check_same(shot)
            return False
        is_paused = shot.tenant is not None and (yield from self._count(shot, shot.tenant))
        if is_paused:
            yield Statement(f"UPDATE {self.schema}.queued SET has_job = FALSE WHERE key = %s", (shot.key,))
        return not is_paused

    def _insert(self, values: Mapping[str, object]) -> Statement:
        return Statement(
            f"INSERT INTO {self.schema}.queued (key, request, fingerprint, priority, tenant, price) "
            "SELECT %(key)s, %(request)s, %(fingerprint)s, %(priority)s, %(tenant)s, %(price)s "
            f"WHERE NOT EXISTS ({self._submitted}) ON CONFLICT (key) DO NOTHING RETURNING key",
            values,
        )

    def _queue_again(self, values: Mapping[str, object]) -> Statement:
        return Statement(
            f"UPDATE {self.schema}.queued SET request = %(request)s, fingerprint = %(fingerprint)s, "
            "priority = %(priority)s, tenant = %(tenant)s, price = %(price)s, has_job = TRUE, refusal = NULL "
            f"WHERE key = %(key)s AND refusal IS NOT NULL AND NOT EXISTS ({self._submitted}) RETURNING key",
            values,
        )

    @property
    def _submitted(self) -> str:
        return f"SELECT FROM {self.schema}.submission WHERE key = %(key)s AND state <> 'refused'"

    def _check_same(self, shot: QueuedShot) -> Script:
        known = yield Statement(
            f"SELECT fingerprint FROM {self.schema}.submission WHERE key = %s AND state <> 'refused' "
            f"UNION ALL SELECT fingerprint FROM {self.schema}.queued WHERE key = %s",
            (shot.key, shot.key),
        )
        if known and known[0][0] != shot.fingerprint:
            raise KeyConflictError(
                f"the key {shot.key!r} belongs to another request; nothing was queued. Use another key, or the "
                "original request"
            ).about(route=shot.request.route, key=shot.key)
        return False

    def _count(self, shot: QueuedShot, tenant: str) -> Script:
        """Count a create in the budget of a tenant; return whether the tenant is paused."""
        counted = yield Statement(
            f"UPDATE {self.schema}.tenant SET used_creates = used_creates + 1, used_money = used_money + "
            "coalesce(%s, 0) WHERE name = %s AND (creates IS NULL OR used_creates < creates) "
            "AND (money IS NULL OR used_money + %s <= money) RETURNING is_paused",
            (shot.price, tenant, shot.price),
        )
        if counted:
            return bool(counted[0][0])
        found = yield Statement(
            f"SELECT creates, used_creates, money, used_money FROM {self.schema}.tenant WHERE name = %s", (tenant,)
        )
        if not found:
            raise ValueError(f"there is no tenant {tenant!r}; make it with set_tenant({tenant!r})")
        [(creates, used_creates, money, used_money)] = found
        if money is not None and shot.price is None:
            raise ValueError(f"the tenant {tenant!r} has a budget of money: queue its shots by a Fleet(price=...)")
        used = f"{used_creates} of {creates} creates" if money is None else f"{used_money} of {money}"
        raise BudgetError(f"the budget of the tenant {tenant!r} is used up ({used}); nothing was queued")

    def found(self, key: str) -> Statement:
        """Select a shot's request, its priority, and whether its tenant is paused."""
        return Statement(
            f"SELECT request, priority, coalesce(tenant.is_paused, FALSE) FROM {self.schema}.queued "
            f"LEFT JOIN {self.schema}.tenant ON tenant.name = queued.tenant WHERE key = %s AND refusal IS NULL",
            (key,),
        )

    def park(self, key: str) -> Statement:
        """Keep a shot without a job until its tenant goes on. It changes nothing if the tenant is not paused.

        It locks the tenant, so that a change of the pause comes before or after. It does not wait for a transaction of
        a user that has the lock, which may last: then it fails, and can be tried again.
        """
        return Statement(
            f"WITH paused AS (SELECT name FROM {self.schema}.tenant WHERE is_paused AND name = "
            f"(SELECT tenant FROM {self.schema}.queued WHERE key = %s) FOR SHARE NOWAIT) "
            f"UPDATE {self.schema}.queued SET has_job = FALSE FROM paused WHERE key = %s AND tenant = name "
            "RETURNING key",
            (key, key),
        )

    def submitted(self, key: str) -> Statement:
        """Take a shot out of the queue: its create was accepted, or is in doubt.

        If another worker that had the shot, too, was refused before, the create is counted again. It does not wait for
        a transaction of a user that has locked the tenant: then it fails, and can be tried again.
        """
        return Statement(
            f"WITH counted AS (SELECT name FROM {self.schema}.tenant WHERE name = "
            f"(SELECT tenant FROM {self.schema}.queued WHERE key = %s AND refusal IS NOT NULL) FOR UPDATE NOWAIT), "
            f"gone AS (DELETE FROM {self.schema}.queued WHERE key = %s RETURNING price) "
            f"UPDATE {self.schema}.tenant SET used_creates = used_creates + 1, used_money = used_money + price "
            "FROM gone, counted WHERE tenant.name = counted.name",
            (key, key),
        )

    def refused(self, key: str, refusal: str) -> Statement:
        """Record why nothing was created for a shot, drop its request, and give its tenant the create back.

        It does not wait for a transaction of a user that has locked the tenant: then it fails, and can be tried again.
        """
        return Statement(
            f"WITH counted AS (SELECT name FROM {self.schema}.tenant WHERE name = "
            f"(SELECT tenant FROM {self.schema}.queued WHERE key = %s) FOR UPDATE NOWAIT), "
            f"refused AS (UPDATE {self.schema}.queued SET refusal = %s, request = '{{}}', has_job = FALSE "
            f"WHERE key = %s AND refusal IS NULL RETURNING tenant, price) UPDATE {self.schema}.tenant SET "
            "used_creates = used_creates - 1, used_money = used_money - price FROM refused JOIN counted "
            "ON counted.name = refused.tenant WHERE tenant.name = counted.name",
            (key, stored(refusal), key),
        )

    def set_tenant(self, name: str, limits: Mapping[str, object]) -> Statement:
        """Make a tenant, or change some limits of its budget."""
        columns = ", ".join(["name", *limits])
        values = ", ".join(["%s"] * (1 + len(limits)))
        changes = ", ".join(f"{limit} = excluded.{limit}" for limit in limits)
        on_conflict = f"(name) DO UPDATE SET {changes}" if limits else "DO NOTHING"
        return Statement(
            f"INSERT INTO {self.schema}.tenant ({columns}) VALUES ({values}) ON CONFLICT {on_conflict}",
            (name, *limits.values()),
        )

    def pause(self, tenant: str | None, *, is_paused: bool) -> Statement:
        """Pause the creates of a tenant, or of all; or let them go on."""
        if tenant is not None:
            check_key(tenant)
        table, condition = ("tenant", "name = %s") if tenant is not None else ("rate", "kind = %s")
        return Statement(
            f"UPDATE {self.schema}.{table} SET is_paused = %s WHERE {condition} RETURNING 1",
            (is_paused, "creates" if tenant is None else tenant),
        )

    def take_paused(self, tenant: str) -> Statement:
        """Select the shots of a tenant that need a job, in their order, and say that they have one."""
        return Statement(
            f"WITH taken AS (UPDATE {self.schema}.queued SET has_job = TRUE WHERE tenant = %s AND NOT has_job "
            "AND refusal IS NULL RETURNING key, priority, queued_at) "
            "SELECT key, priority FROM taken ORDER BY queued_at",
            (tenant,),
        )

    def without_job(self, most: int) -> Statement:
        """Select at most so many shots whose job is gone, in their order.

        The server makes a difference of sets by a hash or a sort, and never by a loop over both tables, whatever it
        believes of their size.
        """
        waiting = f"FROM {self.schema}.queued WHERE has_job AND refusal IS NULL"
        return Statement(
            f"SELECT key, priority {waiting} AND key IN (SELECT key {waiting} EXCEPT {KEYS} LIMIT %(most)s) "
            "ORDER BY queued_at",
            {"queue": self.schema, "task": TASK, "most": most},
        )
