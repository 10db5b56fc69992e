"""The session of tests that pytest-asyncio runs."""

from pathlib import Path

from tests.pytest_plugin.test_fixtures import LOOPS_BY_FIXTURE, ran

SCOPES = """
@pytest.mark.asyncio
async def test_by_default(cometrunway_session):
    [clip] = await (await cometrunway_session.submit(CAT))
    assert clip.path.stat().st_size == clip.size

@pytest.mark.asyncio(loop_scope="function")
async def test_function(cometrunway_session):
    await (await cometrunway_session.submit(CAT))

@pytest.mark.asyncio(loop_scope="class")
class TestClass:
    async def test_class(self, cometrunway_session):
        await (await cometrunway_session.submit(CAT))

@pytest.mark.asyncio(loop_scope="module")
async def test_module(cometrunway_session):
    await (await cometrunway_session.submit(CAT))

@pytest.mark.asyncio(loop_scope="package")
async def test_package(cometrunway_session):
    await (await cometrunway_session.submit(CAT))

@pytest.mark.asyncio(loop_scope="session")
async def test_session(cometrunway_session):
    await (await cometrunway_session.submit(CAT))
"""


def test_a_session_belongs_to_the_loop_of_its_test(tmp_path: Path) -> None:
    """Whichever scope the loop has, by a marker or by the option for all tests; in strict mode, too."""
    said = ran(tmp_path, SCOPES, "asyncio_mode=strict", LOOPS_BY_FIXTURE, "asyncio_default_test_loop_scope=module")
    assert "6 passed" in said, said
