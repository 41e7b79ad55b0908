"""What chaos does to calls of the API: late, refused, failed, or with the connection gone before or after the work."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import Response, request

from membership.stripe_standin.chaos import Strike, is_set, strike
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.operations import Operation

if TYPE_CHECKING:
    from membership.stripe_standin.engine import Engine

FAILING = ("hang", "lose_request", "rate_limit", "server_error", "lose_answer")


class WaitingRoom:
    """Where calls wait: until their time is over, chaos is calmed or the stand-in stops."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = 0
        self._calms = 0
        self._is_closed = False

    def wait(self, milliseconds: int) -> None:
        """Wait, at most so long."""
        with self._changed:
            calms = self._calms
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closed or self._calms > calms, milliseconds / 1000)
            self._waiting -= 1

    def release(self) -> None:
        """Let everybody who waits go on."""
        with self._changed:
            self._calms += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody go on, now and from now on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def holds(self, least: int, timeout: float) -> bool:
        """Wait until so many calls wait; False if they do not within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting >= least, timeout)


@dataclass(frozen=True)
class Weather:
    """What strikes one call: at most one failure, and a delay of the answer."""

    room: WaitingRoom
    failure: Strike | None = None
    latency: Strike | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return what a failure adds to the answer."""
        if self.failure is None or "retry" not in self.failure.options:
            return {}
        limited = {"Stripe-Rate-Limited-Reason": "global-rate"} if self._is("rate_limit") else {}
        return {"Stripe-Should-Retry": str(self.failure.options["retry"]).lower(), **limited}

    def before_work(self) -> None:
        """Wait, or refuse the call before anything is done; raises ApiError."""
        if self._is("hang"):
            self.room.wait(self._options["ms"])
        if self._is("rate_limit"):
            raise _too_many()
        if self._is("server_error") and not self._options["kept"]:
            raise _failed(self._options["status"])

    def spoil(self, operation: Operation) -> Operation:
        """Return the operation, or one that fails at its work with an error that stays the key's answer."""
        if not (self._is("server_error") and self._options["kept"]):
            return operation

        def fail(*args: object, **path: str) -> Json:
            raise _failed(self._options["status"])

        return replace(operation, handler=fail)

    @property
    def loses_call(self) -> bool:
        """Tell whether the connection drops and nothing was done."""
        return self._is("hang") or self._is("lose_request")

    def after_work(self) -> None:
        """Keep the finished answer back."""
        if self.latency:
            self.room.wait(self.latency.options["ms"])

    @property
    def loses_answer(self) -> bool:
        """Tell whether the connection drops now that the work is done."""
        return self._is("lose_answer")

    @property
    def _options(self) -> Json:
        return self.failure.options if self.failure else {}

    def _is(self, fault: str) -> bool:
        return self.failure is not None and self.failure.fault == fault


def draw_weather(engine: "Engine", method: str, path: str) -> Weather:
    """Draw what strikes a call."""
    with engine.ledger(write=False) as ledger:
        if not is_set(ledger, "latency", *FAILING):
            return Weather(engine.waiting_room)
    subject, words = {"method": method, "path": path}, f"{method} {path}"
    with engine.ledger(write=True) as ledger:
        late = strike(ledger, ("latency",), subject, words)
        return Weather(engine.waiting_room, strike(ledger, FAILING, subject, words), late)


def drop_connection() -> Response:
    """Close the connection under the answer, which then reaches nobody."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    with suppress(OSError):  # the caller may have hung up before
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def _too_many() -> ApiError:
    return ApiError(
        "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        status=429,
        doc_url="https://stripe.com/docs/error-codes/rate-limit",
    )


def _failed(status: int) -> ApiError:
    return ApiError("An unknown error occurred.", status=status, type_="api_error")
