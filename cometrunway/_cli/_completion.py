"""The command `completion`: a script that lets a shell complete commands, options and file names."""

import argparse
import sys

from cometrunway._cli._commands import Commands, add_command, path
from cometrunway._terminal import writing

_SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add_to(commands: "Commands[argparse.ArgumentParser]", parser: argparse.ArgumentParser) -> None:
    """Add the command. It needs the whole `parser`."""

    def work(options: argparse.Namespace) -> int:
        try:
            import shtab  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ValueError("completion needs an extra: pip install 'cometrunway[cli]'") from error
        for command in commands.choices.values():
            for action in command._actions:  # noqa: SLF001 - argparse has no public way to list them
                if action.type is path:
                    action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own way to mark them
        with writing(sys.stdout):
            print(shtab.complete(parser, shell=options.shell))
        return 0

    completion = add_command(
        commands,
        "completion",
        work,
        summary="print a script for your shell that completes commands, options and files",
        example='eval "$(cometrunway completion bash)"',
    )
    completion.add_argument("shell", choices=_SHELLS)
