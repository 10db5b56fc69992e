"""One request from its submission to its files, in one call."""

from typing import Any

from cometrunway._requests._routes import Request
from cometrunway._session import Session
from cometrunway._tasks import Asset


async def generate(request: Request, *, key: str | None = None, **options: Any) -> tuple[Asset, ...]:
    """Open a session, submit one request, wait for its files, and close the session.

    Args:
        request: what to make.
        key: your name for it, as for `Session.submit`.
        options: options of `Session`, such as `output_dir` or `journal`.

    Returns:
        The files, which are on disk.

    Raises:
        CometRunwayError: as `Session.submit` and `await handle` raise it.
        ValueError: an option or the request is wrong.
    """
    async with Session(**options) as session:
        handle = await session.submit(request, key=key)
        return await handle
