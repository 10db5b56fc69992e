"""`python -m cometrunway` is the command `cometrunway`."""

from cometrunway._cli._main import command

command()
