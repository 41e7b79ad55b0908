"""Workers that die in the middle of their work, as by a power cut."""

from dataclasses import dataclass
from typing import Any

from membership.patronage.gateway import Gateway


class Killed(BaseException):
    """The worker is gone: no handler of an error runs any more."""


@dataclass
class DyingGateway:
    """A gateway whose process dies when it calls Stripe in this way: before the call is made, or right after."""

    gateway: Gateway
    call: str
    after: bool

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.gateway, name)
        if name != self.call:
            return method

        def die(*args: Any, **options: Any) -> Any:
            if self.after:
                method(*args, **options)
            raise Killed

        return die
