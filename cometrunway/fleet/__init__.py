"""A fleet of workers on one PostgreSQL: any process queues shots, and the workers submit, poll and download them.

    async with Fleet("postgresql://worker@db.example.com/shop") as fleet:
        await fleet.submit(request, key="order-4711")
        [clip] = await fleet.result("order-4711")

The extra `cometrunway[fleet]` installs what it needs: Procrastinate, which moves the jobs, and psycopg.
"""

try:
    from cometrunway.fleet._fleet import Fleet
    from cometrunway.fleet._limits import Limit
    from cometrunway.fleet._status import FleetStatus, Tenant, WorkerStatus
except ModuleNotFoundError as _error:
    if _error.name is None or _error.name.startswith("cometrunway"):
        raise
    raise ModuleNotFoundError(
        f"cometrunway.fleet needs an extra: pip install 'cometrunway[fleet]' (there is no {_error.name})",
        name=_error.name,
    ) from _error

__all__ = ["Fleet", "FleetStatus", "Limit", "Tenant", "WorkerStatus"]
