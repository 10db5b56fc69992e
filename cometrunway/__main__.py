"""`python -m cometrunway` is the command `cometrunway`."""

from cometrunway._cli import command

command()
