"""The API's origin: what is answered without a task, and what a task costs."""

import asyncio
import json

import pytest

from tests.emulator.test_server import BODIES, members, path_of, payload, running


async def test_a_wrong_key_is_refused_everywhere() -> None:
    """Without the key nothing is created or seen, and the refusal is the gateway's own."""
    async with running(dialect="duomi") as caller:
        for method, path in (("POST", path_of("act_one")), ("POST", "/runway/feed"), ("GET", "/runwayml/v1/tasks/x")):
            status, body = await caller.call(method, path, {}, Authorization="Bearer sk-other")
            assert (status, members(body)) == (401, members(payload("error.auth_401.response")))
            assert "(request id: " in body["error"]["message"]


async def test_a_body_that_is_no_json_is_refused() -> None:
    """Bytes, an array, a wrong content type and endless nesting are all refused, and none is fatal."""
    async with running() as caller:
        url = caller.emulator.base_url + path_of("act_one")
        nested = b'{"video":' + b"[" * 900 + b"]" * 900 + b"}"
        for data, kind in (
            (b"\xff{", "json"),
            (b"[]", "json"),
            (b"{}", "xml"),
            (b"[" * 10**5, "json"),
            (nested, "json"),
        ):
            headers = {"Authorization": f"Bearer {caller.emulator.api_key}", "Content-Type": f"application/{kind}"}
            async with caller.http.post(url, data=data, headers=headers) as response:
                assert response.status == 400


@pytest.mark.parametrize(("form", "status"), [("json", 404), ("html", 200), ("redirect", 301)])
async def test_a_wrong_path_is_answered_as_asked(form: str, status: int) -> None:
    """An unknown path is a JSON 404, or a web page, or a redirect to one."""
    async with running(wrong_path=form) as caller:
        answered, body = await caller.call("GET", "/runwayml/v1/nope")
        assert answered == status
        assert form != "json" or body == payload("error.path_404.response")


async def test_a_balance_runs_out() -> None:
    """After as many creations as were paid for, the account is empty; what was refused cost nothing."""
    async with running(balance=2) as caller:
        await caller.call("POST", path_of("act_one"), {})
        await caller.create()
        await caller.create()
        status, body = await caller.call("POST", path_of("act_one"), BODIES["act_one"])
        assert (status, body) == (403, payload("error.insufficient_user_quota.response"))
        assert caller.emulator.creates.accepted == 2


async def test_an_unknown_id_does_not_exist() -> None:
    """A poll for an id that does not exist is task_not_exist, through either route."""
    async with running() as caller:
        got = await caller.call("GET", "/runwayml/v1/tasks/a%2Fb")
        fed = await caller.call("POST", "/runway/feed", {"task_id": "a/b"})
        assert got == fed == (400, payload("error.task_not_exist_400.response"))


async def test_a_feed_without_an_id_is_refused() -> None:
    """The feed demands a task_id."""
    async with running() as caller:
        assert (await caller.call("POST", "/runway/feed", {}))[1]["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("form", "status", "documented"),
    [
        ("400", 400, "error.task_not_exist_400"),
        ("200", 200, "error.task_not_exist_200"),
        ("status", 200, "error.task_not_exist_status_field"),
        ("duomi", 200, "error.task_not_exist_duomi"),
        ("404", 404, "error.comet_503_no_channel"),
    ],
)
async def test_a_new_task_does_not_exist_yet(form: str, status: int, documented: str) -> None:
    """A new task is answered as task_not_exist, in the chosen wire form; after a while it is there."""
    async with running(not_exist_seconds=6, speed=2, not_exist_form=form) as caller:
        task_id = await caller.create()
        answered, body = await caller.call("GET", f"/runwayml/v1/tasks/{task_id}")
        assert (answered, members(body)) == (status, members(payload(f"{documented}.response")))
        assert "task_not_exist" in json.dumps(body)
        await asyncio.sleep(3)
        assert (await caller.poll(task_id))["id"] == task_id
