"""`python -m cometrunway` is the command `cometrunway`."""

from cometrunway._cli._entry import command

command()
