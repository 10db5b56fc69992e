"""A receiver that is mounted in a web application on this machine."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from cometrunway import CallbackReceiver


@asynccontextmanager
async def mounted(port: int = 0) -> AsyncIterator[CallbackReceiver]:
    """Yield a receiver that can be posted to as long as the block runs."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        receiver = CallbackReceiver(f"http://127.0.0.1:{listening.getsockname()[1]}/hooks")
        app = web.Application()
        app.add_subapp("/hooks", receiver.aiohttp_app())
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            yield receiver
        finally:
            await runner.cleanup()
