"""Misspelt keyword arguments are told with the ones that are meant, also by Python before 3.13."""

import inspect
import re
import sys
from inspect import iscoroutinefunction, signature
from typing import Any

import pytest

import cometrunway
from cometrunway import Request, Session, emulator, fleet
from cometrunway._keywords import hints_keywords

OURS = (
    *("Asset", "AssetResponse", "Balance", "Batch", "Creates", "EmulatedTask", "EmulatedUpload", "Entries", "Entry"),
    *("Event", "EventKind", "EventStream", "Failure", "FleetStatus", "JournalReader", "LeakedCredential"),
    *("LoggedRequest", "PostedCallback", "State", "Task", "TaskHandle", "TaskStatus", "Tenant", "Usage", "VirtualLoop"),
    "WorkerStatus",
)
"""Classes whose instances the package makes, or that have no options."""
CLASSES = [
    value
    for module in (cometrunway, emulator, fleet)
    for name in module.__all__
    if inspect.isclass(value := getattr(module, name)) and name not in OURS
    if not issubclass(value, Request | Exception)  # requests have a hint of their own
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_that_users_make_tells_which_keyword_is_meant(cls: Any) -> None:
    """The message is that of Python, with the nearest name at its end; without a near one it is unchanged."""
    for name in signature(cls).parameters:
        with pytest.raises(TypeError, match=rf"'{name}{name[-1]}'. Did you mean '{name}'\?$"):
            cls(**{name + name[-1]: None})
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'zzz'$"):
        cls(zzz=None)


def test_a_method_with_options_tells_which_keyword_is_meant() -> None:
    """Async methods stay coroutine functions, whose wrong keyword is named, and the right one from Python 3.13 on."""
    runway: Any = Session("sk-x")
    with pytest.raises(TypeError, match=r"'resubmitt'. Did you mean 'resubmit'\?$"):
        runway.map([], resubmitt=None)
    meant = r". Did you mean 'key'\?" if sys.version_info >= (3, 13) else ""
    with pytest.raises(TypeError, match=rf"submit\(\) got an unexpected keyword argument 'keey'{meant}$"):
        runway.submit(None, keey="cat")
    assert iscoroutinefunction(Session.submit)
    assert "resubmit" in signature(Session.map).parameters


def test_another_type_error_is_unchanged() -> None:
    """What a function raises by itself is neither hidden nor changed."""

    @hints_keywords
    class Strict:
        def __init__(self, *, size: int = 0) -> None:
            raise TypeError(f"size must be a text, got {size}")

    with pytest.raises(TypeError, match=re.escape("size must be a text, got 1")):
        Strict(size=1)
