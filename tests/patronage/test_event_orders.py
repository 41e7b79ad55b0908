"""Whatever order a life's events come in, and however often: it ends in the same state.

One life: somebody joins, the month is renewed, they stop, and the money of the renewal is given back. An event may arrive at any
moment after what it tells of has happened, before or after any other one, and again. The number of orders is past counting, but not
what can come of them: what an event does depends on our tables and on Stripe's truth alone. So every event is delivered once from
every state that our tables can be in at each point of that life, by the real services to the real gateway; the rest is a search
through that table of outcomes, which leaves no order out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import insert

from membership.accounts.models import Member
from membership.config import Settings
from membership.db import Base, transaction
from membership.outbox import OutboxItem
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, PaidPeriod, Payment, StripeCustomer, StripeEvent, Subscription
from membership.patronage.services import keep_event, work_on_event
from membership.patronage.signature import ParsedEvent
from tests.conftest import NOW, SettingsMaker
from tests.patronage.conftest import SECRET, Till

LIFE = ("renew", "cancel-at-period-end", "refund")
# What is compared, without our own serial numbers. Who stops is written to only if we knew of them before: no such mail here.
COMPARED: dict[type[Base], tuple[str, ...]] = {
    Member: ("typed_email", "language"),
    CheckoutAttempt: ("completed_at", "paid_at", "failed_at", "choice_key"),
    Subscription: ("stripe_id", "account", "status", "amount_minor", "current_period_end", "cancel_at", "past_due_since"),
    StripeCustomer: ("stripe_id", "account"),
    Payment: ("kind", "reference", "charge_reference", "amount_minor", "fee_minor", "net_minor", "occurred_at"),
    PaidPeriod: ("source", "reference", "starts_at", "ends_at", "reversed_at", "disputed_at"),
    OutboxItem: ("key",),
}
KEPT_MAILS = ("welcome", "refunded")
State = tuple[Any, ...]
Rows = dict[type[Base], list[dict[str, Any]]]


class Steady(Gateway):
    """Asks Stripe each thing once, for as long as its truth stands still."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        for name in ("fetch_attempt_of", "fetch_subscription", "fetch_checkout", "fetch_charge", "fetch_charges_of_payment"):
            setattr(self, name, cache(getattr(self, name)))


@dataclass
class World:
    """Our tables beside the stand-in, to be put into any state that they have been in."""

    till: Till
    known: dict[State, Rows] = field(default_factory=dict)

    def look(self) -> State:
        """Return what our tables hold, and remember how to get there again."""
        rows = {model: self._rows(model) for model in COMPARED}
        subscriptions = rows[Subscription]
        assert all(row["claim"] == row["written"] for row in subscriptions)  # nothing is left half done
        state = tuple(
            tuple(sorted((tuple(row[name] for name in names) for row in rows[model] if self._is_kept(row)), key=repr))
            for model, names in COMPARED.items()
        )
        owners = {row["member_id"] for model in (Payment, PaidPeriod, Subscription) for row in rows[model]}
        state = (*state, tuple(sorted(owner is not None for owner in owners)))
        self.known.setdefault(state, rows)
        return state

    def go_back_to(self, state: State) -> None:
        """Put our tables into a state."""
        with transaction(self.till.session):
            for model in (StripeEvent, *reversed(COMPARED)):
                self.till.session.query(model).delete()
            for model, rows in self.known[state].items():
                if rows:
                    self.till.session.execute(insert(model), rows)
        self.till.session.expunge_all()

    def deliver(self, event: ParsedEvent, gateway: Gateway) -> State:
        """Deliver an event, and again; return what came of it."""
        now = self.till.clock.now()
        kept = keep_event(self.till.session, event, livemode=False, now=now)
        assert kept is not None
        work_on_event(self.till.session, gateway, kept, now=now)
        after = self.look()
        assert not keep_event(self.till.session, event, livemode=False, now=now)
        return after

    def acted_on(self) -> dict[str, ParsedEvent]:
        """Return every event so far that asks something of us."""
        found = {}
        for event in self.till.stripe.client().v1.events.list({"limit": 100}).auto_paging_iter():
            raw, now = json.dumps(event.to_dict(), default=str).encode(), self.till.clock.now()
            parsed = self.till.gateway.parse_event(raw, self.till.stripe.sign(raw, secret=SECRET), now)
            with transaction(self.till.session):
                self.till.session.query(StripeEvent).delete()
            if keep_event(self.till.session, parsed, livemode=False, now=now):
                found[parsed.id] = parsed
        return found

    def _rows(self, model: type[Base]) -> list[dict[str, Any]]:
        found = [dict(row) for row in self.till.session.execute(model.__table__.select()).mappings()]
        self.till.session.commit()
        return found

    @staticmethod
    def _is_kept(row: dict[str, Any]) -> bool:
        return "kind" not in row or "key" not in row or row["kind"] in KEPT_MAILS


Outcomes = dict[State, dict[str, State]]


def outcomes_now(world: World, reached: set[State], gateway: Gateway) -> Outcomes:
    """Return what each event so far does to each state that can be reached, with Stripe's truth as it is now."""
    outcomes: Outcomes = {}
    events, waiting = world.acted_on(), list(reached)
    while waiting:
        state = waiting.pop()
        if state in outcomes:
            continue
        outcomes[state] = {}
        for event_id, event in events.items():
            world.go_back_to(state)
            outcomes[state][event_id] = world.deliver(event, gateway)
        waiting += outcomes[state].values()
    return outcomes


def ends(history: list[Outcomes], bits: dict[str, int], start: State) -> Iterator[State]:
    """Yield each state in which our tables can be once every event was delivered, each some time after it happened."""
    seen: set[tuple[int, int, State]] = set()
    waiting = [(0, 0, start)]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        point, delivered, state = node
        if point + 1 < len(history):
            waiting.append((point + 1, delivered, state))
        elif delivered == 2 ** len(bits) - 1:
            yield state
        for event_id, after in history[point][state].items():
            if not delivered & (1 << bits[event_id]):
                waiting.append((point, delivered | 1 << bits[event_id], after))


def test_every_order_of_the_events_of_a_life_ends_in_the_same_state(till: Till, make_settings: SettingsMaker) -> None:
    opened = till.opens()
    world = World(till)
    start = world.look()
    till.stripe.pay(opened.url)
    subscription_id = till.stripe.client().v1.subscriptions.list().data[0].id

    history, reached = [], {start}
    for act in (*LIFE, None):
        history.append(outcomes_now(world, reached, Steady(make_settings(STRIPE_API_BASE=till.stripe.url))))
        reached = set(history[-1])
        if act is not None:
            till.stripe.control(act, id=subscription_id)

    bits = {event_id: number for number, event_id in enumerate(sorted(history[-1][start]))}
    (end,) = set(ends(history, bits, start))

    compared = dict(zip(COMPARED, end[:-1], strict=True))
    ((stopped_at, paid_until),) = {row[5:6] + row[4:5] for row in compared[Subscription]}
    assert len(bits) >= 10
    assert stopped_at == paid_until == NOW.replace(month=5)
    assert [(row[0], row[3]) for row in compared[Payment]] == [("charge", 500), ("charge", 500), ("refund", -500)]
    assert sorted((row[2], row[4]) for row in compared[PaidPeriod]) == [(NOW, None), (NOW.replace(month=4), NOW)]
    assert len(compared[Member]) == len(compared[Subscription]) == len(compared[StripeCustomer]) == 1
    assert len(compared[OutboxItem]) == 3  # two receipts, one refund
    assert end[-1] == (True,)  # and everything is somebody's
