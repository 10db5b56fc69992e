"""Answers that come twice, or to another request: HTTP has no number that says which request an answer is to."""

import asyncio

import pytest

from cometrunway import OutcomeUnknownError, PollPolicy, Session, TasksOwedError
from cometrunway._transport._connections import Connections
from tests.raw import KEY, RawRequest, http, listening, raw_server, succeeded
from tests.samples import yawn

LATER = PollPolicy(first=30.0)
"""No poll is sent while creates are."""


async def test_the_next_request_is_not_answered_by_what_came_unasked() -> None:
    """A connection on which an answer came once more, while it was idle, is not used again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
            writer.write(http(path))
            asyncio.get_running_loop().call_later(0.1, writer.write, http(path))

    async with listening(serve) as port, Connections(trust_env=False) as connections:
        async with connections.new_session() as client:
            for path in ("/first", "/second", "/third"):
                async with client.get(f"http://127.0.0.1:{port}{path}") as response:
                    assert await response.text() == path
                await asyncio.sleep(0.5)


async def test_a_create_goes_out_on_no_connection_that_brought_a_refusal() -> None:
    """The refusal might come once more, and a create that was accepted would be sent again."""

    def answer(request: RawRequest) -> bytes:
        return http({"error": "slow down"}, 429) if request.number < 3 else http({"id": f"task-{request.number}"})

    async with raw_server(answer) as server:
        with pytest.raises(TasksOwedError):
            async with Session(KEY, base_url=server.base_url, output_dir=None, poll=LATER, close_wait=0.0) as runway:
                await runway.submit(yawn())
        assert (len(server.creates), server.connections) == (3, 3)


async def test_a_create_goes_out_on_no_connection_whose_answers_are_shifted() -> None:
    """The id of one create came for the next: the answer to that may still come, and would be taken for a third's."""
    ids = ("task-1", "task-1", "task-3")

    def answer(request: RawRequest) -> bytes:
        if request.method == "POST":
            return http({"id": ids[request.number - 1]})
        return succeeded(request)

    async with raw_server(answer) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None, poll=LATER) as runway:
            await runway.submit(yawn(1))
            assert server.connections == 1
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(yawn(2))
            assert server.connections == 1
            await runway.submit(yawn(3))
            assert server.connections == 2


async def test_a_task_does_not_end_by_the_answer_about_another_one() -> None:
    """A poll that is answered with the end of another task has failed, and the wait continues."""

    def answer(request: RawRequest) -> bytes:
        if request.method == "POST":
            return http({"id": f"task-{request.number}"})
        if request.path.endswith("task-2") and request.number == 1:
            return http({"id": "task-1", "status": "FAILED", "failure": "not ours"})
        return succeeded(request)

    async with raw_server(answer) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None) as runway:
            first, second = await runway.submit(yawn(1)), await runway.submit(yawn(2))
            await first
            [asset] = await second
            assert asset.url == "https://127.0.0.1:1/task-2.mp4"
            assert second.poll_errors == 1
