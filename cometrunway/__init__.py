"""An asyncio SDK for the Runway video and image routes of CometAPI and its sibling gateways.

The first public name that is used loads all of them, and aiohttp with them. Nothing is loaded before that: pytest
imports this package for its plugin, in every project of an environment.
"""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cometrunway._public import *  # noqa: F403 - the names of its __all__
    from cometrunway._public import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        names = globals()
        if name == "__all__" or not name.startswith("_"):
            import cometrunway._public as public  # noqa: PLC0415 - see above

            names["__all__"] = public.__all__
            names.update({public_name: getattr(public, public_name) for public_name in public.__all__})
        if name in names:
            return names[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})


logging.getLogger(__name__).addHandler(logging.NullHandler())
