"""The public names: what changes in them is told in the changelog."""

import pytest

import cometrunway
from tests.documentation.internals import internal_members
from tests.documentation.markdown import DOCS
from tests.public_api import changed, public_api, recorded, unreleased, untold

INTERNAL = sorted(internal_members())
BEFORE = {"cometrunway.Session.submit": "request, keyword key=None", "cometrunway.Budget": "creates=None"}


def test_every_change_of_a_public_signature_is_told_in_the_changelog() -> None:
    """An entry of the section "Unreleased" names what changed since the latest release, and the parameter."""
    missing = untold(changed(recorded(), public_api()), unreleased())
    assert not missing, (
        'docs/changelog.md, section "Unreleased": each of these names has changed since the latest release, and needs '
        f"an entry that has it, with the parameter after it: {missing}"
    )


@pytest.mark.parametrize("name", INTERNAL)
def test_an_internal_member_is_one_of_its_class_and_in_no_table_for_users(name: str) -> None:
    """The page of what stays names it as internal, and the reference does not offer it."""
    cls, _, member = name.partition(".")
    assert hasattr(getattr(cometrunway, cls), member)
    reference = (DOCS / "reference.md").read_text()
    section = reference.partition(f"\n## `{cls}`\n")[2].partition("\n## ")[0]
    assert f"`{member}(" not in section


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({**BEFORE, "cometrunway.Session.submit": "request, keyword key=None, keyword ttl=60"}, ("submit", "ttl")),
        ({**BEFORE, "cometrunway.Session.submit": "request, keyword key=''"}, ("submit", "key")),
        ({**BEFORE, "cometrunway.Session.submit": "request, key=None"}, ("submit", "key")),
        ({**BEFORE, "cometrunway.Session.pause": "seconds"}, ("pause",)),
        ({**BEFORE, "cometrunway.Upload": "", "cometrunway.Upload.size": ""}, ("Upload",)),
        ({"cometrunway.Session.submit": BEFORE["cometrunway.Session.submit"]}, ("Budget",)),
    ],
    ids=["new parameter", "other default", "other kind", "new name", "new class", "name that is gone"],
)
def test_a_change_needs_an_entry_that_names_it(after: dict[str, str], words: tuple[str, ...]) -> None:
    """Words in two entries do not tell of a parameter."""
    assert changed(BEFORE, after) == {words}
    assert untold({words}, "\n- One entry.\n- " + "\n- ".join(words[1:])) == [words]
    assert not untold({words}, f"\n- One entry: `{'`, `'.join(words)}`.")


def test_the_listing_has_construction_methods_and_attributes() -> None:
    """What a user can write with a public name stands in the listing."""
    listing = recorded()
    assert listing["cometrunway.Session.submit"].startswith("request, keyword key=None")
    assert listing["cometrunway.TaskStatus"].startswith("PENDING")
    assert {"cometrunway.TaskHandle.id", "cometrunway.errors.APIError.status"} <= listing.keys()
