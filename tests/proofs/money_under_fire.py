"""A busy minute of money in which our two processes are killed again and again; then our books are held against Stripe's truth."""

import mailbox
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from membership.app import create_app
from membership.clock import FixedClock
from membership.config import read_settings
from membership.outbox import OutboxItem
from membership.patronage import services
from membership.patronage.checks import findings
from membership.patronage.models import CheckoutAttempt, RefundOrder, StripeEvent
from membership.stripe_standin.server import StandInServer
from tests.conftest import make_sessions
from tests.factories.patronage import make_plan
from tests.proofs.money_books import hold_books
from tests.proofs.money_readers import Town
from tests.proofs.money_truth import Truth, read_truth
from tests.proofs.processes import JobRunner, Process, Server, dead_in_the_end, deadlocks_in
from tests.serving import free_port

READERS = 2
MOST_STEPS = 12  # of the server between two deaths
PATIENCE_SECONDS = 300
AT_ONCE = 20  # events that a server finds waiting when it is back
# After it whatever a dead process had claimed, or waits to be tried again, is due.
LATER = timedelta(hours=1)
# So much later no check of our sums looks away because something may still be under way.
MUCH_LATER = timedelta(days=30)
# Mails that a dying job runner may have had in hand: one for each of its workers.
IN_HAND = 2


@dataclass
class Fire:
    """One run: the town, the two processes, and how often each of them dies."""

    town: Town
    server: Process
    jobs: Process
    folder: Path
    clock: FixedClock
    seed: int

    def burns(self, *, server_kills: int, job_kills: int) -> None:
        """Let readers join and Stripe bill, and kill both processes so often, each at moments of its own."""
        chance = random.Random(self.seed)
        with ThreadPoolExecutor(READERS + 2) as threads:
            deaths = [
                threads.submit(self._server_dies, server_kills, chance.random()),
                threads.submit(self._dies, self.jobs, job_kills, chance.random(), self._sends_mails),
            ]
            lives = [threads.submit(self.town.is_busy, chance.randrange(10**6)) for _ in range(READERS)]
            try:
                for death in deaths:
                    death.result()
            finally:
                self.town.over.set()
                for life in lives:  # what went wrong there is why nothing happened here
                    life.result()

    def _server_dies(self, times: int, seed: float) -> None:
        """Kill the server so many times; after the last one it is there for whoever has not finished."""
        self._dies(self.server, times, seed, self._serves)
        self.server.start()

    def _dies(self, process: Process, times: int, seed: float, works: Callable[[], int]) -> None:
        """Start a process, wait until it works and then for a random moment, and kill it, so many times."""
        chance = random.Random(seed)
        for _ in range(times):
            before = works()
            process.start()
            self._stripe_tries_again(AT_ONCE)
            self._wait_until(works, more_than=before)
            self._wait_until(self._serves, more_than=self._serves() + chance.randrange(MOST_STEPS))
            threading.Event().wait(chance.random() / 20)
            process.kill()

    def _wait_until(self, count: Callable[[], int], *, more_than: int, every: float = 0.05) -> None:
        """Count again and again until it is more."""
        until = time.monotonic() + PATIENCE_SECONDS
        while count() <= more_than:
            assert time.monotonic() < until, "nothing happens"
            assert not self.town.went_wrong.wait(every), "a reader met what nobody should"

    def _serves(self) -> int:
        """Count what the server has answered, readers and Stripe."""
        with self.town.session() as session:
            return self.town.answered + session.scalars(select(func.count()).select_from(StripeEvent)).one()

    def _sends_mails(self) -> int:
        """Count what the job runner has sent."""
        with self.town.session() as session:
            return session.scalars(select(func.count()).where(OutboxItem.done_at.is_not(None))).one()

    def settles(self) -> int:
        """Let Stripe deliver what did not arrive, and sweep; return how many sweeps it took until nothing waits any more."""
        self.clock.instant = datetime.now(UTC) + LATER
        for sweeps in (1, 2):
            self._stripe_delivers()
            self.town.app.extensions["kernel"].queue.run_all()  # what `flask jobs once` does
            self._stripe_delivers()
            if not self.waiting():
                return sweeps
        raise AssertionError(f"not settled after two sweeps: {self.waiting()}")

    def _stripe_delivers(self) -> None:
        """Wait until all that Stripe has to tell has arrived."""
        self._stripe_tries_again()
        self._wait_until(lambda: -len(self.town.undelivered()), more_than=-1, every=0.5)

    def _stripe_tries_again(self, at_most: int | None = None) -> None:
        """Let Stripe send again at once what it would send again in a minute, or in an hour."""
        for event_id in self.town.undelivered()[:at_most]:
            self.town.stripe.control("resend", id=event_id)

    def waiting(self) -> list[str]:
        """Return what is not done yet: events, refunds, mails."""
        with self.town.session() as session:
            events = select(StripeEvent.type + " " + StripeEvent.last_error).where(StripeEvent.state == "new")
            orders = select(RefundOrder.charge_reference).where(RefundOrder.done_at.is_(None), RefundOrder.refused == "")
            mails = select(OutboxItem.key + " " + OutboxItem.last_error).where(OutboxItem.done_at.is_(None))
            return [*session.scalars(events), *session.scalars(orders), *session.scalars(mails)]

    def holds(self, *, job_kills: int) -> None:
        """Hold our books against Stripe's truth; nobody was ended for waiting in another order than the others."""
        assert deadlocks_in(self.server.log) == []
        truth = read_truth(self.town.client)
        with self.town.session() as session:
            hold_books(session, truth)
            self._hold_people(session)
            self._hold_receipts(session, truth, job_kills)
            assert findings(session, at=self.clock.now() + MUCH_LATER) == {}
        assert compare(self.town.app, is_applied=False) == []

    def _hold_people(self, session: Session) -> None:
        """Each browser that paid is one member, and no member is two browsers."""
        listed = self.town.client.v1.checkout.sessions.list({"limit": 100})
        paid = {found.id for found in listed.auto_paging_iter() if found.payment_status == "paid"}
        rows = select(CheckoutAttempt.stripe_session_id, CheckoutAttempt.member_id)
        owners = dict(session.execute(rows.where(CheckoutAttempt.paid_at.is_not(None))).all())
        assert owners.keys() == paid
        members = [{owners[key] for key in basket if key in paid} for basket in self.town.baskets]
        assert all(None not in each and len(each) < 2 for each in members), members
        several = Counter(member for each in members for member in each)
        assert [member for member, browsers in several.items() if browsers > 1] == []

    def _hold_receipts(self, session: Session, truth: Truth, job_kills: int) -> None:
        """Each charge has one row for its receipt; its mail was sent, twice at most if a job runner died of it."""
        keys = session.scalars(select(OutboxItem.key).where(OutboxItem.kind == "welcome"))
        assert sorted(keys) == sorted(f"welcome:{charge}" for charge in truth.left_of_charge)
        sent = Counter(receipts_in(self.folder))
        assert sent.keys() == truth.left_of_charge.keys()
        assert sum(sent.values()) - len(sent) <= IN_HAND * job_kills, sent.most_common(3)


def compare(app: Flask, *, is_applied: bool) -> list[object]:
    """Compare everything with Stripe, and return what differs."""
    now = app.extensions["kernel"].clock.now
    with app.extensions["kernel"].sessions() as session:
        services.request_reconcile(session, is_applied=is_applied, since=None, requested_by=None, now=now())
        run = services.carry_out_reconcile(session, app.extensions["gateway"], now=now)
    assert run is not None
    assert run.error == ""
    return run.drift


def receipts_in(folder: Path) -> Iterator[str]:
    """Give the receipt number of each receipt that was sent."""
    for message in mailbox.Maildir(folder):
        yield from re.findall(r"Receipt number: (\w+)", cast(bytes, message.get_payload(decode=True)).decode())


@contextmanager
def fire(engine: Engine, environ: Mapping[str, str], folder: Path, *, seed: int) -> Iterator[Fire]:
    """An empty newsroom with a plan, Stripe beside it, and the product as real processes that are not started yet."""
    port = free_port()
    site = f"http://localhost:{port}"
    with make_sessions(engine)() as session:
        make_plan(session)
    (folder / "stand-in").mkdir()
    with StandInServer(
        folder / "stand-in", webhook_url=f"{site}/stripe/webhook", webhook_secret="whsec_test", background=True
    ) as s:
        database = engine.url.render_as_string(hide_password=False)
        own = {**environ, "SITE_URL": site, "DATABASE_URL": database, "STRIPE_API_BASE": s.url}
        settings = read_settings(own)
        settings.round_keys_dir.mkdir(parents=True, mode=0o700)
        clock = FixedClock(datetime.now(UTC))
        app = create_app(settings, clock=clock)
        compare(app, is_applied=True)  # tonight's is done: whatever is lost from now on stays lost
        log = folder / "processes.log"
        server = Server(own, port, "--blocking-threads", "8", "--no-access-log", log=log)
        jobs = JobRunner(own, log=log)
        try:
            with dead_in_the_end([server, jobs]):
                yield Fire(Town(app, s, s.client()), server, jobs, folder / "mailbox", clock, seed)
        finally:
            app.extensions["kernel"].engine.dispose()
