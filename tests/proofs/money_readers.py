"""Readers who join through the real pages and don't give up when nobody answers, and what becomes of their support afterwards."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from stripe import StripeClient

from membership.config import Settings
from membership.errors import Refusal
from membership.patronage import services
from membership.patronage.links import make_link
from membership.patronage.models import CheckoutAttempt, Payment
from membership.stripe_standin.server import StandInServer
from tests.factories.patronage import PRESETS

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PATIENCE_SECONDS = 120
AGAIN_AFTER_SECONDS = 0.2
MOST_REST_SECONDS = 1.0  # until the next one comes
MOST_UNDELIVERED = 120  # nobody else comes while Stripe is so far behind with its events


@dataclass
class Town:
    """What all readers share: our site, Stripe, our tables; and how many requests our site answered, or died of."""

    app: Flask
    stripe: StandInServer
    client: StripeClient
    over: threading.Event = field(default_factory=threading.Event)
    went_wrong: threading.Event = field(default_factory=threading.Event)
    # The sessions that each browser went to pay.
    baskets: list[list[str]] = field(default_factory=list)
    answered: int = 0
    broken_off: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def settings(self) -> Settings:
        """The site's settings."""
        found: Settings = self.app.extensions["kernel"].settings
        return found

    def session(self) -> Session:
        """A session of its own, to look into our tables."""
        found: Session = self.app.extensions["kernel"].sessions()
        return found

    def note(self, *, answered: int = 0, broken_off: int = 0) -> None:
        """Count requests."""
        with self._lock:
            self.answered += answered
            self.broken_off += broken_off

    def undelivered(self) -> list[str]:
        """Return the events that have not arrived."""
        listed = self.client.v1.events.list({"delivery_success": False, "limit": 100})
        return [event.id for event in listed.auto_paging_iter()]

    def is_busy(self, seed: int) -> None:
        """Let one reader after the other live until it is over."""
        choice = random.Random(seed)
        try:
            while not self.over.is_set():
                self._one_lives(choice)
                self.over.wait(choice.random() * MOST_REST_SECONDS)
                while len(self.undelivered()) > MOST_UNDELIVERED and not self.over.wait(MOST_REST_SECONDS):
                    pass
        except BaseException:
            self.went_wrong.set()
            raise

    def _one_lives(self, choice: random.Random) -> None:
        basket: list[str] = []
        self.baskets.append(basket)
        with requests.Session() as http:
            http.trust_env = False
            Reader(self, http, choice, basket).lives()


@dataclass
class Reader:
    """One person with one browser."""

    town: Town
    http: requests.Session
    choice: random.Random
    basket: list[str]

    def lives(self) -> None:
        """Join, in one tab or in two, come back or close the window, and meet some fate."""
        interval, fate = self.choice.choice(("month", "month", "month", "year", "once")), self.choice.choice(FATES)
        amounts = PRESETS[interval][: self.choice.choice((1, 1, 1, 2))]
        # Some share an address, as couples do, each with a browser of their own.
        email = f"reader{self.choice.randrange(40)}@example.org"
        for url in [self.chooses(interval, amount) for amount in amounts]:
            self.basket.append(urlsplit(url).path.rpartition("/")[2])
            back = self.town.stripe.pay(url, email=email)
            if self.choice.random() < 0.7 or fate in TALKATIVE:
                self.comes_back(back)
        if not self.town.over.is_set():
            fate(self)

    def asks(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request until our site has answered it, whatever became of the earlier tries."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                reply = self.http.request(method, self.town.settings.site_url + path, timeout=20, **options)
            except requests.RequestException as error:
                self.town.note(broken_off="refused" not in str(error))
            else:
                self.town.note(answered=1)
                assert reply.status_code != 500, reply.text
                if reply.status_code != 503:  # Stripe did not answer in time
                    return reply
            threading.Event().wait(AGAIN_AFTER_SECONDS)
        raise AssertionError(f"nobody answers {method} {path}")

    def chooses(self, interval: str, amount_minor: int) -> str:
        """Send the form of the join page; return where Stripe's page is."""
        form = {"interval": interval, f"amount_{interval}": str(amount_minor)}
        reply = self.asks("POST", "/support", data=form, headers=SAME_ORIGIN, allow_redirects=False)
        assert reply.status_code == 303, reply.text
        return reply.headers["Location"]

    def comes_back(self, url: str) -> None:
        """Open the page that Stripe leads back to."""
        reply = self.asks("GET", url.removeprefix(self.town.settings.site_url))
        assert reply.status_code == 200, reply.text

    def presses(self, link: str) -> None:
        """Press the button of a page that the receipt's link leads to."""
        with self.town.session() as session:
            named = select(CheckoutAttempt.link_key).where(CheckoutAttempt.stripe_session_id == self.basket[-1])
            key: UUID = session.scalars(named).one()
        token = make_link(self.town.settings.secret_key, "stop", key, now=datetime.now(UTC))
        reply = self.asks("POST", f"/links/stop/{token}{link}", headers=SAME_ORIGIN, allow_redirects=False)
        assert reply.status_code == 303, reply.text

    def gets_refund(self, amount_minor: int | None = None) -> None:
        """Write to the newsroom, whose treasurer orders the refund; the job runner carries it out."""
        now = datetime.now(UTC)
        with self.town.session() as session:
            of_basket = select(CheckoutAttempt.id).where(CheckoutAttempt.stripe_session_id == self.basket[-1])
            own = select(Payment.reference).where(Payment.kind == "charge", Payment.attempt_id.in_(of_basket))
            charge = session.scalars(own).first()
            session.commit()
            if charge is not None:
                with suppress(Refusal):
                    wanted: dict[str, Any] = {"charge_reference": charge, "amount_minor": amount_minor}
                    services.order_refund(session, **wanted, now=now)
        self.town.app.extensions["kernel"].queue.wake("refunds")

    def at_stripe(self, action: str, **values: str) -> str:
        """Let something happen to the support at Stripe, unless it does not fit there any more; return what came of it."""
        session = self.town.client.v1.checkout.sessions.retrieve(self.basket[-1], {"expand": ["payment_intent"]}).to_dict()
        key = session["subscription"] or session["payment_intent"]["latest_charge"]
        with suppress(ValueError):
            return str(self.town.stripe.control(action, id=key, **values)["id"])
        return ""

    def disputes(self, outcome: str) -> None:
        """Ask the bank for the money back, and hear what it decides."""
        if found := self.at_stripe("dispute"):
            self.town.stripe.control("close-dispute", id=found, status=outcome)


def _fails_and_recovers(reader: Reader) -> None:
    reader.at_stripe("renew", outcome="declined")
    reader.at_stripe("recover")


Fate = Callable[[Reader], object]
# What one can only do who has come back: our tables know the payment.
TALKATIVE: tuple[Fate, ...] = (
    lambda reader: reader.presses(""),
    lambda reader: reader.presses("/withdraw"),
    lambda reader: reader.gets_refund(),
    lambda reader: reader.gets_refund(200),
)
FATES: tuple[Fate, ...] = (
    *TALKATIVE,
    lambda reader: reader.at_stripe("renew"),
    lambda reader: reader.at_stripe("renew", outcome="expired"),
    _fails_and_recovers,
    lambda reader: reader.at_stripe("cancel"),
    lambda reader: reader.at_stripe("refund"),
    lambda reader: reader.at_stripe("refund", amount="100"),
    lambda reader: reader.at_stripe("dispute"),
    lambda reader: reader.disputes("lost"),
    lambda reader: reader.disputes("won"),
)
