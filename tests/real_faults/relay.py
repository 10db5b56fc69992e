"""A relay in a process of its own: `python -m tests.real_faults.relay PORT TO_PORT [DELAY [BYTES_PER_SECOND]]`.

It carries bytes between its port and another port of this machine, each DELAY seconds late, and not faster than
BYTES_PER_SECOND towards the client. Killed and started again on the same port, it is a server that died with all of its
connections, and whose state was kept.
"""

import asyncio
import math
import sys
from contextlib import suppress

_BLOCK = 16_384


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, bytes_per_second: float
) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while content := await reader.read(_BLOCK):
            loop.call_later(delay, writer.write, content)
            await asyncio.sleep(len(content) / bytes_per_second)
    loop.call_later(delay, writer.close)


async def relay(port: int, to_port: int, delay: float, bytes_per_second: float) -> None:
    """Serve until the process is ended."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
        await asyncio.gather(
            _carry(reader, far_writer, delay, math.inf), _carry(far_reader, writer, delay, bytes_per_second)
        )

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    here, there, *limits = map(float, sys.argv[1:])
    late, fastest = (*limits, *(0.0, math.inf)[len(limits) :])
    asyncio.run(relay(int(here), int(there), late, fastest))
