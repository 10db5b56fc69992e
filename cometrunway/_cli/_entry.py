"""Where the command begins. It imports next to nothing, so that Ctrl-C finds it prepared from its first moment on."""

import signal


def command() -> None:
    """Be the installed command.

    Until everything is imported, Ctrl-C ends the process as the system does, without a traceback: nothing has begun.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored, as under nohup
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cometrunway._cli._main import command as imported  # noqa: PLC0415 - it takes some tenths of a second

    imported()
