"""The cures that an error names, as options of the command instead of those of `Session`."""

import re

OPTIONS = {
    "allow_private_assets": "--allow-private-assets",
    "fit": "--fit",
    "journal": "--journal",
    "pay_again": "--pay-again",
    "provider": "--provider",
    "trust_env": "--no-trust-env",
}
"""The option of the command for each option of `Session` that an error names."""
ELSEWHERE = (
    ", or pass Session(api_key=...)",
    ", as with Session(journal_wait=30)",
    ": give a bucket as text, Session(output_dir='s3://bucket/prefix')",
)
"""Cures for which the command has no option."""
_OF_SESSION = re.compile(r"""Session\((?P<name>\w+)=(?:(?P<quote>['"])(?P<value>.*?)(?P=quote)|[^)]*)\)""")


def for_the_command(text: str) -> str:
    """Return the text of an error with the command's options for cures, such as `--provider runway`."""
    for cure in ELSEWHERE:
        text = text.replace(cure, "")
    text = text.replace("with Provider(...)", "in a TOML file, as --provider NAME.toml")
    return _OF_SESSION.sub(_option, text)


def _option(found: re.Match[str]) -> str:
    option = OPTIONS.get(found["name"])
    return found[0] if option is None else " ".join(filter(None, (option, found["value"])))
