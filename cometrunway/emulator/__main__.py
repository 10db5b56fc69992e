"""`python -m cometrunway.emulator` is `cometrunway emulator`."""

import sys

from cometrunway.emulator._cli import main

if __name__ == "__main__":
    sys.exit(main())
