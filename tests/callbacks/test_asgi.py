"""The receiver as an ASGI application."""

from typing import Any

from tests.callbacks.served import receiver, taker


async def test_a_sender_that_goes_away_is_not_answered() -> None:
    """A body that was cut is not looked at."""
    hooks, came, sent = receiver(), list[tuple[str, bytes]](), []
    part: dict[str, Any] = {"type": "http.request", "body": b'{"task', "more_body": True}
    messages = iter([part, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    with hooks.serving(taker(came)):
        await hooks.asgi({"type": "http", "method": "POST", "path": "/x", "headers": []}, receive, send)
    assert (came, sent) == ([], [])


async def test_it_follows_the_life_of_an_asgi_server() -> None:
    """Served alone, it starts and stops with the server; a websocket is refused."""
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}, {"type": "websocket.connect"}])
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await receiver().asgi({"type": "lifespan"}, receive, send)
    await receiver().asgi({"type": "websocket", "path": "/hooks/x"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
