"""`python -m cometrunway` is the command `cometrunway`."""

import sys

from cometrunway._cli import main

sys.exit(main())
