"""Deliver events to the webhook endpoints, signed and retried, one thread for all."""

import hashlib
import hmac
import http.client
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from membership.stripe_standin import loopback
from membership.stripe_standin.chaos import is_set
from membership.stripe_standin.chaos_shapes import as_of_2024
from membership.stripe_standin.chaos_webhooks import (
    OF_ATTEMPTS,
    OF_ROUNDS,
    PERFECT,
    Flaws,
    Sending,
    draw_flaws,
    drawn_round,
    due_sendings,
)
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.render import public

if TYPE_CHECKING:
    from membership.stripe_standin.engine import Engine

# Seconds after a failed attempt; after the last one the delivery is given up.
BACKOFF = (1, 5, 30, 120, 600, 3600, 6 * 3600, 12 * 3600, 24 * 3600)
LOOK_EVERY = 1.0
FORGED_SECRET = "whsec_nobody_has_this"  # noqa: S105  (signs what chaos forges)


def signature(payload: bytes, secret: str, at: int | str) -> str:
    """Return the Stripe-Signature header of a payload; a time in words is signed as it stands."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Courier:
    """Deliver what is due, in the order of the events; sleeps in a thread of its own only once started."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._round = threading.Lock()
        self._awake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Deliver in the background from now on, beginning with what an earlier process left."""
        self._thread = threading.Thread(target=self._work, name="stand-in courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the background thread, waiting for the attempt in flight."""
        self._stopped.set()
        self._awake.set()
        if self._thread:
            self._thread.join()

    def wake(self) -> None:
        """Let the background thread look at once."""
        self._awake.set()

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._awake.clear()
            self._engine.catch_up()
            self.deliver_due()
            self._awake.wait(LOOK_EVERY)

    def deliver_due(self) -> list[Json]:
        """Attempt everything that is due, in this thread, and return the attempts; ends when nothing more is due."""
        attempts: list[Json] = []
        with self._round:
            while sendings := self._next_round():
                for sending in sendings:
                    if self._stopped.is_set():
                        return attempts
                    # An endpoint may be deleted between the look and the attempt; its deliveries are gone with it.
                    with suppress(ApiError):
                        attempts.append(self._attempt(sending))
        return attempts

    def _next_round(self) -> list[Sending]:
        """Return what is due, in the order to send it in."""
        with self._engine.ledger(write=False) as ledger:
            due = due_sendings(ledger)
            if not due or not is_set(ledger, *OF_ROUNDS):
                return due
        with self._engine.ledger(write=True) as ledger:
            return drawn_round(ledger)

    def signed(self, event_id: str, endpoint_id: str, flaws: Flaws = PERFECT) -> tuple[str, bytes, str]:
        """Return the address, the payload and the signature header of one delivery, signed now."""
        with self._engine.ledger(write=False) as ledger:
            event = public(ledger, ledger.get("event", event_id))
            if flaws.is_old:
                event = as_of_2024(ledger, event)
            url = ledger.get("webhook_endpoint", endpoint_id)["url"]
            secret = FORGED_SECRET if flaws.is_forged else ledger.private(endpoint_id)["secret"]
        payload = json.dumps(event, indent=2, ensure_ascii=False).encode()
        return url, payload, signature(payload, secret, self._engine.signing_time() + flaws.shift)

    def _attempt(self, sending: Sending) -> Json:
        """Deliver one event once, holding no transaction while the receiver answers."""
        url, payload, header = self.signed(sending.event, sending.endpoint, self._flaws(sending))
        status: int | None = None
        try:
            headers = {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                "Stripe-Signature": header,
            }
            reply = loopback.request("POST", url, payload, headers)
            status, detail = reply.status, reply.body[:200].decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, loopback.NotLoopback) as error:
            detail = str(error) or type(error).__name__
        return self._record(sending, status, detail)

    def _flaws(self, sending: Sending) -> Flaws:
        with self._engine.ledger(write=False) as ledger:
            if not is_set(ledger, *OF_ATTEMPTS):
                return PERFECT
        with self._engine.ledger(write=True) as ledger:
            return draw_flaws(ledger, sending)

    def _record(self, sending: Sending, status: int | None, detail: str) -> Json:
        """Write down one attempt and when the next one is due; an echo changes nothing about its delivery."""
        key = (sending.event, sending.endpoint)
        with self._engine.ledger(write=True) as ledger:
            row = ledger.execute("SELECT state, attempts FROM delivery WHERE event = ? AND endpoint = ?", *key).fetchone()
            state, failures = row or ("pending", 0)
            if sending.is_echo:
                ledger.execute("DELETE FROM echo WHERE event = ? AND endpoint = ?", *key)
            else:
                succeeded = status is not None and 200 <= status < 300
                state = "delivered" if succeeded else "pending" if failures < len(BACKOFF) else "given_up"
                wait = 0 if state != "pending" else BACKOFF[failures]
                ledger.execute(
                    "UPDATE delivery SET state = ?, attempts = attempts + 1, next_at = ? WHERE event = ? AND endpoint = ?",
                    *(state, ledger.now + wait, *key),
                )
            values = (*key, ledger.now, status, detail)
            ledger.execute("INSERT INTO attempt (event, endpoint, at, status, detail) VALUES (?, ?, ?, ?, ?)", *values)
        return {"event": sending.event, "endpoint": sending.endpoint, "status": status, "state": state, "detail": detail}
