"""A small world of money: our services on one side, the stand-in on the other, between them a network that loses things."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import stripe
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from membership.audit import APPEND_ONLY, TRIGGERS
from membership.clock import FixedClock
from membership.config import Settings
from membership.db import Base, is_postgresql
from membership.errors import Refusal
from membership.patronage import services
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, Payment, Plan, StripeCustomer, StripeEvent, Subscription
from membership.stripe_standin.server import StandInServer
from tests.conftest import NOW, make_sessions
from tests.factories.patronage import make_plan

NOWHERE = "http://127.0.0.1:9/stripe/webhook"
SECRET = "whsec_world"
EMAILS = ("ada@example.org", "bo@example.org", "cleo@example.org")


class Crash(BaseException):
    """The process died here."""


@dataclass
class World:
    """What a run plays with. Everything on our side goes through `act`, which survives refusals and crashes."""

    engine: Engine
    stripe: StandInServer
    clock: FixedClock
    gateway: Gateway
    client: stripe.StripeClient
    # Events that Stripe has sent and that have not arrived; in any order, some never will.
    network: list[str] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    urls: list[tuple[str, str]] = field(default_factory=list)
    commits_until_crash: int | None = None
    said: list[str] = field(default_factory=list)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A process of its own, which may be killed before any of its commits: what it asked Stripe for until then has happened."""
        with make_sessions(self.engine)() as session:
            event.listen(session, "before_commit", self._tick)
            yield session

    def _tick(self, session: Session) -> None:
        # Reads end in a commit too; what counts is the end of a use case.
        if self.commits_until_crash is None or not session.info.get("in_use_case"):
            return
        self.commits_until_crash -= 1
        if self.commits_until_crash < 0:
            self.commits_until_crash = None
            raise Crash

    def act(self, do: Callable[[Session], object]) -> None:
        """Let our side do something; a refusal is an answer, a crash an end."""
        try:
            with self.session() as session:
                do(session)
        except Refusal as refused:
            self.said.append(refused.message)
        except Crash:
            self.said.append("crash")
        self.listen()

    def stripes(self, action: str, key: str, **values: str) -> None:
        """Let something happen at Stripe; what does not fit there does not happen."""
        try:
            self.stripe.control(action, id=key, **values)
        except ValueError as refused:
            self.said.append(str(refused)[:80])
        self.listen()

    def listen(self) -> None:
        """Put what Stripe has sent since into the network."""
        fresh = [event_id for event_id in self.stripe.ids("event") if event_id not in self.seen]
        self.seen |= set(fresh)
        self.network += fresh

    def deliver(self, event_id: str) -> None:
        """Let one event arrive, as our webhook takes it."""
        payload, header = self.stripe.signed(event_id)

        def receive(session: Session) -> None:
            parsed = self.gateway.parse_event(payload, header, self.clock.now())
            event = services.keep_event(session, parsed, livemode=False, now=self.clock.now())
            if event is not None:
                services.work_on_event(session, self.gateway, event, now=self.clock.now())

        self.act(receive)

    def run_jobs(self) -> None:
        """Let the job runner do its round."""
        now = self.clock.now
        self.act(lambda session: services.sweep_events(session, self.gateway, now=now))
        self.act(lambda session: services.end_duplicates(session, self.gateway, now=now()))
        self.act(lambda session: services.finish_withdrawals(session, self.gateway, now=now()))
        self.act(lambda session: services.carry_out_refunds(session, self.gateway, now=now()))

    def open_checkout(self, browser: int, interval: str, amount_minor: int, *, member: bool) -> None:
        """Let somebody choose; the page that they are sent to may be paid later, or never."""

        def begin(session: Session) -> None:
            choice = services.Choice(
                plan=session.scalars(select(Plan)).one(),
                interval=interval,
                amount_minor=amount_minor,
                language="en",
                browser_hash=bytes([browser]) * 32,
                member_id=self.member_of(session, browser) if member else None,
                article_id=None,
            )
            session.commit()
            back = {"success_url": "http://localhost/back?session_id={CHECKOUT_SESSION_ID}", "cancel_url": "http://localhost/"}
            opened = services.start_checkout(session, self.gateway, choice=choice, now=self.clock.now(), **back)
            self.urls.append((opened.url, EMAILS[browser]))

        self.act(begin)

    def member_of(self, session: Session, browser: int) -> int | None:
        """Return who is signed in in a browser: whoever paid in it first."""
        paid = select(CheckoutAttempt.member_id).where(
            CheckoutAttempt.browser_hash == bytes([browser]) * 32, CheckoutAttempt.member_id.is_not(None)
        )
        return session.scalars(paid.order_by(CheckoutAttempt.created_at, CheckoutAttempt.member_id).limit(1)).first()

    def known(self, kind: str, column: Any) -> list[str]:
        """Return the objects of one kind that we know of, in the order in which Stripe made them: the same in every replay."""
        with make_sessions(self.engine)() as session:
            ours = set(session.scalars(select(column)))
        return [key for key in self.stripe.ids(kind) if key in ours]

    @property
    def subscriptions(self) -> list[str]:
        """The subscriptions that we know."""
        return self.known("subscription", Subscription.stripe_id)

    @property
    def charges(self) -> list[str]:
        """The charges that we know."""
        return self.known("charge", Payment.reference)

    @property
    def customers(self) -> list[str]:
        """The customers that we know."""
        return self.known("customer", StripeCustomer.stripe_id)

    @property
    def sessions(self) -> list[str]:
        """The Checkout sessions that we know."""
        return self.known("checkout.session", CheckoutAttempt.stripe_session_id)

    def waiting_events(self) -> list[str]:
        """Return the events that have arrived and are not done."""
        with make_sessions(self.engine)() as session:
            return list(session.scalars(select(StripeEvent.stripe_id).where(StripeEvent.state == "new")))

    def come_to_rest(self) -> None:
        """Let all faults end and everything settle: what was lost on the way is found by the comparison, as it is each night."""
        self.stripe.calm()
        self.commits_until_crash = None
        for _round in range(8):
            self.listen()
            while self.network:
                self.deliver(self.network.pop(0))
            if self.dropped:
                self.reconcile()
            self.clock.instant += timedelta(hours=2)  # whatever waits to be tried again is due
            self.run_jobs()
            if not self.network and not self.waiting_events():
                return
        raise AssertionError(f"not at rest after eight rounds: {self.network} {self.waiting_events()}")

    def reconcile(self, *, is_applied: bool = True) -> list[Any]:
        """Compare with Stripe, and return what differed."""
        found: list[Any] = []

        def compare(session: Session) -> None:
            now = self.clock.now()
            services.request_reconcile(session, is_applied=is_applied, since=None, requested_by=None, now=now)
            run = services.carry_out_reconcile(session, self.gateway, now=self.clock.now)
            assert run is not None
            assert run.error == ""
            found.extend(run.drift)

        self.act(compare)
        return found


def forget_everything(engine: Engine) -> None:
    """Delete every row of every table, also of the audit trail, which lets nobody do that."""
    with make_sessions(engine)() as session:
        if is_postgresql(session):
            before, after = ["SET session_replication_role = replica"], ["SET session_replication_role = origin"]
        else:
            before = ["PRAGMA defer_foreign_keys = ON", *(f"DROP TRIGGER {name}" for name in sorted(TRIGGERS["sqlite"]))]
            after = list(APPEND_ONLY["sqlite"])
        for statement in before:
            session.execute(text(statement))
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
        for statement in after:
            session.execute(text(statement))
        session.commit()


@contextmanager
def new_world(engine: Engine, make_settings: Callable[..., Settings], folder: Path) -> Iterator[World]:
    """A world on an empty database, with a stand-in of its own."""
    forget_everything(engine)
    clock = FixedClock(NOW)
    with make_sessions(engine)() as session:
        make_plan(session)
    with StandInServer(folder, clock=clock.now, webhook_url=NOWHERE, webhook_secret=SECRET) as stripe_:
        settings = make_settings(STRIPE_API_BASE=stripe_.url, STRIPE_WEBHOOK_SECRET=SECRET)
        yield World(engine, stripe_, clock, Gateway(settings, timeout=5, retries=0), stripe_.client())
