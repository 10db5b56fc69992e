"""The entry point of the command. It imports almost nothing, so that Ctrl-C is handled from the first moment on."""

import signal


def command() -> None:
    """Run the installed command.

    Until everything is imported, Ctrl-C ends the process at once, without a traceback, because nothing has begun.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored, as under nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cometrunway._cli._main import command as imported  # noqa: PLC0415 - it takes some tenths of a second

    imported()
