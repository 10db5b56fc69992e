"""The session for tests that pytest-asyncio runs: one fixture for each loop that such a test may run in.

In its strict mode pytest-asyncio takes only async fixtures that its own decorator has made.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import pytest_asyncio

from cometrunway._pytest_plugin._fixtures import session_on

if TYPE_CHECKING:
    from cometrunway._session import Session
    from cometrunway.emulator import Emulator


def _session_in(scope: Literal["function", "class", "module", "package", "session"]) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_cometrunway_session_in_{scope}_loop")
    async def fixture(
        request: pytest.FixtureRequest, cometrunway_emulator: "Emulator", tmp_path: Path
    ) -> "AsyncIterator[Session]":
        async with session_on(cometrunway_emulator, request, tmp_path) as session:
            yield session

    return fixture


in_function_loop = _session_in("function")
in_class_loop = _session_in("class")
in_module_loop = _session_in("module")
in_package_loop = _session_in("package")
in_session_loop = _session_in("session")
