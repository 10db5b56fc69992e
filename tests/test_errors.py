"""Errors travel: between threads, processes and days."""

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from cometrunway import errors
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import CometRunwayError
from tests.documentation.markdown import slug

TASK = Task(id="t-1", status=TaskStatus.FAILED)
ASSET = Asset(url="https://example.com/a.mp4?_jwt=secret")
NEEDS: dict[type[CometRunwayError], dict[str, Any]] = {
    errors.APIError: {"status": 418, "code": "teapot", "body": b"{}", "request_id": "r-1"},
    errors.ProtocolError: {"status": 200, "body": b"<html>"},
    errors.TaskError: {"task": TASK, "route": "image_to_video", "token": "abc"},
    errors.DownloadError: {"asset": ASSET},
    errors.ProxyError: {"status": 407},
    errors.TLSError: {"host": "api.example.com"},
    errors.KeyUsedError: {"keys": ("cat",)},
    errors.TasksOwedError: {"tokens": ("crt1.abc",)},
    CometRunwayError: {},
}


def subclasses(error_type: type[CometRunwayError]) -> list[type[CometRunwayError]]:
    """Return a class and all below it, as far as the module draws them."""
    below = [found for child in error_type.__subclasses__() for found in subclasses(child)]
    return [error_type, *below]


def made(error_type: type[CometRunwayError]) -> CometRunwayError:
    """Return an error of the class, with all that it can carry."""
    needs = next(needs for base, needs in NEEDS.items() if issubclass(error_type, base))
    return error_type("it went wrong", **needs).about(route="text_to_image", task_id="t-1", key="shot 7")


DRAWN = sorted({kind for kind in subclasses(CometRunwayError) if kind.__module__ == errors.__name__}, key=str)


@pytest.mark.parametrize("error_type", DRAWN)
def test_an_error_survives_pickling_and_copying(error_type: type[CometRunwayError]) -> None:
    """What arrives elsewhere has the class, the text and all the evidence of what left, but no signature of a URL."""
    error = made(error_type)
    evidence = dict(error.__dict__)
    if isinstance(error, errors.DownloadError):
        evidence["asset"] = Asset(url="https://example.com/a.mp4")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  # our own bytes
        assert (type(twin), twin.args, twin.__dict__) == (error_type, error.args, evidence)
    for twin in (copy.copy(error), copy.deepcopy(error)):
        assert (type(twin), str(twin), twin.__dict__) == (error_type, str(error), evidence)


@pytest.mark.parametrize("error_type", DRAWN)
def test_an_error_hashes(error_type: type[CometRunwayError]) -> None:
    """An error can be counted and kept in a set: it is the one that was raised, not one that polls like it."""
    error, other = made(error_type), made(error_type)
    assert {error, error, other} == {other, error}
    assert error != other


@pytest.mark.parametrize("error_type", DRAWN)
def test_an_error_says_what_it_is_about(error_type: type[CometRunwayError]) -> None:
    """The text names route, task and key; the message alone does not."""
    error = made(error_type)
    assert error.message.startswith("it went wrong")
    assert str(error) == f"{error.message} (route={error.route} task=t-1 shot=shot 7)"


def test_an_unknown_model_is_told_with_the_page_that_lists_models() -> None:
    """The page is named by its title; every other error's message is what was said to it."""
    title = (Path(__file__).parent.parent / "docs" / "models.md").read_text().partition("\n")[0].removeprefix("# ")
    assert f'it went wrong; choose another model: "{title}" in the doc' in made(errors.ModelUnavailableError).message
    others = set(DRAWN) - {errors.ModelUnavailableError}
    assert {made(error_type).message for error_type in others} == {"it went wrong"}


def test_the_subject_is_said_once() -> None:
    """What is known already is neither overwritten nor repeated."""
    error = CometRunwayError("task t-1 is gone").about(task_id="t-1").about(task_id="t-2", route="text_to_image")
    assert error.task_id == "t-1"
    assert str(error) == "task t-1 is gone (route=text_to_image)"


def test_every_error_is_drawn() -> None:
    """The tree in the module's docstring is whole."""
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in DRAWN if kind.__name__ not in errors.__doc__] == []


def test_a_wait_that_ran_out_is_a_timeout_error() -> None:
    """`except TimeoutError` catches it."""
    with pytest.raises(TimeoutError):
        raise errors.TaskTimeoutError("too long", task=TASK)


@pytest.mark.parametrize(
    ("error_type", "retryable"),
    [
        (errors.TransportError, True),
        (errors.OutcomeUnknownError, False),
        (errors.APIError, False),
        (errors.InvalidRequestError, False),
        (errors.ModelUnavailableError, False),
        (errors.TaskNotFoundError, False),
        (errors.RateLimitedError, True),
        (errors.ServerError, True),
        (errors.ProtocolError, True),
        (errors.TaskFailedError, False),
        (errors.DownloadError, True),
        (errors.AssetExpiredError, False),
    ],
)
def test_an_error_says_whether_to_try_again(error_type: type[CometRunwayError], retryable: bool) -> None:
    """Retryable is what may pass by itself."""
    assert made(error_type).retryable is retryable


@pytest.mark.parametrize("error_type", [errors.DownloadError, errors.TaskFailedError])
def test_no_signature_is_shown(error_type: type[CometRunwayError]) -> None:
    """Neither text nor repr of an error has the query of a signed URL."""
    task = Task(id="t-1", status=TaskStatus.SUCCEEDED, outputs=(ASSET.url,))
    needs: dict[str, Any] = {"asset": ASSET} if issubclass(error_type, errors.DownloadError) else {"task": task}
    error = error_type("gone", **needs)
    assert "secret" not in f"{error} {error!r} {error.__dict__}"


PAGE = (Path(__file__).parent.parent / "docs" / "errors.md").read_text()
SECTIONS = {
    heading.strip("`"): section
    for heading, section in re.findall(r"^##+ (.+)\n\n((?:(?!^#).*\n)+)", PAGE, re.MULTILINE)
}


@pytest.mark.parametrize("error_type", DRAWN)
def test_every_error_has_its_section(error_type: type[CometRunwayError]) -> None:
    """The page names cause and cure; the error names it by its title, and the section by an anchor that exists."""
    section = SECTIONS[error_type.__name__]
    assert section.startswith("- Cause: ")
    assert "\n- Cure: " in section
    title = PAGE.partition("\n")[0].removeprefix("# ")
    anchor = slug(f"`{error_type.__name__}`")
    assert made(error_type).help == f'see "{title}" in the documentation, errors#{anchor}'


def test_the_sections_are_sorted_and_complete() -> None:
    """Nothing on the page is an error that the package no longer has."""
    named = [name for name in SECTIONS if name.endswith("Error")]
    assert named == sorted(named)
    assert set(named) == {kind.__name__ for kind in DRAWN}


def test_a_subclass_of_the_users_own_has_the_section_of_its_base() -> None:
    """The anchor leads somewhere, whatever class is raised."""

    class MineError(errors.TaskFailedError):
        pass

    assert MineError("no", task=TASK).help.endswith(" errors#taskfailederror")
