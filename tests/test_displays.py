"""Values have a display in a notebook, and nothing of notebooks is loaded elsewhere."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from cometrunway import _displays
from cometrunway._displays import Displayed, followed, is_in_notebook, note_open, show_progress

KERNEL = SimpleNamespace(kernel=object())
TERMINAL = SimpleNamespace()


def ipython(shell: object) -> Any:
    """Return IPython as a module whose shell is this one; None if IPython does not run."""
    module: Any = ModuleType("IPython")
    module.get_ipython = lambda: shell
    return module


@pytest.fixture
def in_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as in a notebook."""
    monkeypatch.setitem(sys.modules, "IPython", ipython(KERNEL))


@pytest.mark.parametrize("shell", [None, TERMINAL])
def test_elsewhere_a_wait_is_what_it_was(shell: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without IPython, with IPython as a library, and in its terminal: the awaitable itself is returned."""
    waiting: Any = object()
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not is_in_notebook()
    assert followed(waiting, object()) is waiting
    monkeypatch.setitem(sys.modules, "IPython", ipython(shell))
    assert not is_in_notebook()
    assert followed(waiting, object()) is waiting


@pytest.mark.usefixtures("in_kernel")
@pytest.mark.parametrize("is_wanted", [None, True, False])
def test_in_a_notebook_a_wait_is_shown_with_its_subjects(
    is_wanted: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With progress, unless that is switched off."""
    from cometrunway._notebook import _waits

    calls: list[Any] = []
    monkeypatch.setattr(_displays._Switch, "is_on", _displays._Switch.is_on)
    monkeypatch.setattr(_waits, "shown", lambda *arguments, **options: calls.append((*arguments, options)))
    waiting: Any = object()
    if is_wanted is not None:
        show_progress(is_wanted)
    followed(waiting, "subject", "another")
    assert calls == [(waiting, ("subject", "another"), {"with_progress": is_wanted is not False})]


def test_the_switch_of_the_progress_takes_no_word() -> None:
    """`"no"` would turn it on."""
    with pytest.raises(TypeError, match="is_wanted must be True or False, got 'no'"):
        show_progress("no")  # type: ignore[arg-type]


def test_only_a_notebook_is_told_of_an_open_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells of unfinished tasks when its kernel ends."""
    from cometrunway._notebook import _kernel_end

    told: list[object] = []
    monkeypatch.setattr(_kernel_end, "warn_of", told.append)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    note_open("off a notebook")
    monkeypatch.setitem(sys.modules, "IPython", ipython(KERNEL))
    note_open("in a notebook")
    assert told == ["in a notebook"]


def test_a_value_has_html_and_text() -> None:
    """A front end chooses; what is not known to the displays is shown as it is printed, and is no markup."""

    class Value(Displayed):
        def __repr__(self) -> str:
            return "<b>one</b>"

    bundle = Value()._repr_mimebundle_()
    assert bundle["text/plain"] == "<b>one</b>"
    assert "&lt;b&gt;one" in bundle["text/html"]
    printed: list[str] = []
    Value()._repr_pretty_(SimpleNamespace(text=printed.append), cycle=False)
    assert printed == ["<b>one</b>"]
