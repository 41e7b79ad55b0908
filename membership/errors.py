"""What a service may refuse, each with a sentence that a reader may see."""

from datetime import datetime


class Refusal(Exception):
    """A use case that was refused; the first argument is a sentence for the reader."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class NotFound(Refusal):
    """What was asked for does not exist, or not for this person."""


class NotAllowed(Refusal):
    """This person may not do this, or not now."""


class Conflict(Refusal):
    """The state has moved on: what was asked for no longer fits it."""


class TooOften(Refusal):
    """This was asked for too often from here; from retry_at on it works again."""

    def __init__(self, message: str = "", *, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Unavailable(Refusal):
    """A service that we need does not answer; trying again later may help."""
