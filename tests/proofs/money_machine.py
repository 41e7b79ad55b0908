"""A state machine: members, Stripe and chaos in random order; at each quiet point our books are held against Stripe's truth."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from membership.config import Settings
from membership.patronage import services
from membership.patronage.checks import findings
from membership.patronage.models import CheckoutAttempt, Subscription
from membership.patronage.queries import standing_of
from membership.stripe_standin.cards import DECLINES, FAILS_LATER, PAYS
from tests.conftest import make_sessions
from tests.proofs.money_books import hold_books
from tests.proofs.money_truth import Truth, read_truth
from tests.proofs.money_world import World, new_world

BROWSERS = st.integers(0, 2)
PICK = st.integers(0, 99)
FAULTS = st.sampled_from(("lose_answer", "lose_request", "rate_limit", "server_error"))


def picked(found: list[Any], number: int) -> Any:
    """Return one of a list by any number, None of an empty one."""
    return found[number % len(found)] if found else None


class MoneyMachine(RuleBasedStateMachine):
    """Drives a world; a subclass gives it an engine and settings."""

    engine: Engine
    make_settings: Callable[..., Settings]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.world: World = self.stack.enter_context(new_world(self.engine, type(self).make_settings, folder))

    def teardown(self) -> None:
        """Come to rest one last time, and hold everything against the truth."""
        try:
            self.hold()
        finally:
            self.stack.close()

    # Readers and patrons

    @initialize(interval=st.sampled_from(("month", "year", "once")))
    def somebody_joins(self, interval: str) -> None:
        """No run begins with nobody there."""
        self.choose(0, interval, 500, member=False)
        self.pay(0, PAYS)

    @rule(
        browser=BROWSERS,
        interval=st.sampled_from(("month", "month", "year", "once")),
        amount=st.sampled_from((300, 500, 3000)),
        member=st.booleans(),
    )
    def choose(self, browser: int, interval: str, amount: int, member: bool) -> None:
        self.world.open_checkout(browser, interval, max(amount, 3000) if interval == "year" else amount, member=member)

    @rule(number=PICK, card=st.sampled_from((PAYS, PAYS, PAYS, FAILS_LATER, DECLINES)))
    def pay(self, number: int, card: str) -> None:
        if not self.world.urls:
            return
        url, email = picked(self.world.urls, number)
        self.world.stripe.submit(url, email=email, card=card)
        self.world.listen()

    @rule(number=PICK)
    def come_back(self, number: int) -> None:
        session_id, now = picked(self.world.sessions, number), self.world.clock.now()
        if session_id is None:
            return
        self.world.act(lambda s: services.sync_checkout(s, self.world.gateway, stripe_session_id=session_id, now=now))

    @rule(number=PICK, what=st.sampled_from(("stop", "resume", "pause", "unpause", "raise", "lower", "yearly", "withdraw")))
    def change(self, number: int, what: str) -> None:
        world, key = self.world, picked(self.world.subscriptions, number)
        if key is None:
            return
        common: dict[str, Any] = {"subscription_id": key, "actor_id": None, "now": world.clock.now()}
        price = {"raise": ("month", 1000, True), "lower": ("month", 300, False), "yearly": ("year", 3000, True)}
        if what in price:
            interval, amount, at_once = price[what]
            more = {"interval": interval, "amount_minor": amount, "at_once": at_once}
            world.act(lambda s: services.change_amount(s, world.gateway, **common, **more))
        elif what == "pause":
            until = world.clock.now() + timedelta(days=70)
            world.act(lambda s: services.pause_support(s, world.gateway, resumes_at=until, **common))
        elif what == "withdraw":
            world.act(lambda s: self._withdraw(s, key))
        else:
            does = {"stop": services.stop_support, "resume": services.resume_support, "unpause": services.unpause_support}[what]
            world.act(lambda s: does(s, world.gateway, **common))

    def _withdraw(self, session: Session, key: str) -> None:
        attempt_id = session.get_one(Subscription, key).attempt_id
        session.commit()
        assert attempt_id is not None
        services.withdraw(session, self.world.gateway, attempt_id=attempt_id, now=self.world.clock.now())

    # Stripe, banks, staff

    @rule(number=PICK, outcome=st.sampled_from(("paid", "paid", "declined", "expired", "authentication")))
    def renew(self, number: int, outcome: str) -> None:
        self._at_stripe("renew", self.world.subscriptions, number, outcome=outcome)

    @rule(number=PICK, what=st.sampled_from(("recover", "retry", "exhaust", "cancel", "cancel-at-period-end")))
    def collect(self, number: int, what: str) -> None:
        self._at_stripe(what, self.world.subscriptions, number)

    @rule(number=PICK, amount=st.sampled_from(("", "100")))
    def refund_at_stripe(self, number: int, amount: str) -> None:
        self._at_stripe("refund", self.world.charges, number, **({"amount": amount} if amount else {}))

    @rule(number=PICK, amount=st.sampled_from((None, 200)))
    def refund_by_staff(self, number: int, amount: int | None) -> None:
        charge, now = picked(self.world.charges, number), self.world.clock.now()
        if charge is None:
            return
        self.world.act(lambda s: services.order_refund(s, charge_reference=charge, amount_minor=amount, now=now))
        self.world.act(lambda s: services.carry_out_refunds(s, self.world.gateway, now=now))

    @rule(number=PICK, what=st.sampled_from(("fail-refund", "close-dispute won", "close-dispute lost")))
    def decide(self, number: int, what: str) -> None:
        action, _, status = what.partition(" ")
        found = self.world.stripe.ids("dispute" if status else "refund")
        self._at_stripe(action, found, number, **({"status": status} if status else {}))

    @rule(number=PICK)
    def dispute(self, number: int) -> None:
        self._at_stripe("dispute", self.world.charges, number)

    @rule(number=PICK)
    def delete_customer(self, number: int) -> None:
        self._at_stripe("delete-customer", self.world.customers, number)

    def _at_stripe(self, action: str, found: list[str], number: int, **values: str) -> None:
        if found:
            self.world.stripes(action, picked(found, number), **values)

    @rule(days=st.sampled_from((1, 5, 12, 31)))
    def wait(self, days: int) -> None:
        self.world.clock.instant += timedelta(days=days)
        self.world.listen()

    # Chaos

    @rule(number=PICK, fate=st.sampled_from(("arrives", "arrives", "twice", "lost")))
    def network(self, number: int, fate: str) -> None:
        event_id = picked(self.world.network, number)
        if event_id is None:
            return
        if fate == "lost":
            self.world.dropped.add(event_id)
        else:
            self.world.deliver(event_id)
        if fate != "twice":
            self.world.network.remove(event_id)

    @rule(fault=FAULTS, many=st.integers(1, 3))
    def fault(self, fault: str, many: int) -> None:
        self.world.stripe.chaos(**{fault: many})

    @rule(commits=st.integers(0, 6))
    def crash_soon(self, commits: int) -> None:
        self.world.commits_until_crash = commits

    @rule()
    def jobs(self) -> None:
        self.world.run_jobs()

    @rule()
    def rest(self) -> None:
        """A quiet point in the middle."""
        self.hold()

    # What must be true

    def hold(self) -> None:
        """Come to rest and compare."""
        self.world.come_to_rest()
        truth = read_truth(self.world.client)
        with make_sessions(self.world.engine)() as session:
            hold_books(session, truth)
            self._rights_follow_the_money(session, truth)
            assert findings(session, at=self.world.clock.now()) == {}
        assert self.world.reconcile(is_applied=False) == []

    def _rights_follow_the_money(self, session: Session, truth: Truth) -> None:
        at = self.world.clock.now()
        once = set(session.scalars(select(CheckoutAttempt.member_id).where(CheckoutAttempt.interval == "once")))
        owners = {row.stripe_id: row.member_id for row in session.scalars(select(Subscription))}
        for member_id in set(owners.values()) - once - {None}:
            own = [support for key, support in truth.supports.items() if owners.get(key) == member_id]
            expected = any(support.gives_rights(at) for support in own)
            found = standing_of(session, member_id or 0, at=at)
            assert (member_id, found.may_vote) == (member_id, expected), (found, own)


def machine_on(engine: Engine, make_settings: Callable[..., Settings]) -> type[MoneyMachine]:
    """Return the machine for one database."""
    return type("MoneyMachine", (MoneyMachine,), {"engine": engine, "make_settings": staticmethod(make_settings)})


def of_size(*, runs: int, steps: int, is_shrunk: bool = False) -> settings:
    """Return how many runs of how many steps; none has a deadline."""
    phases = [phase for phase in Phase if is_shrunk or phase not in (Phase.shrink, Phase.explain)]
    return settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
