"""Two workers, two events, every way in which their steps can fall between each other and between what happens at Stripe.

At Stripe a payment fails, and then it is made good: two events within the same second. Each is worked on by a worker of its own as
soon as it exists. The scheduler runs every order of the steps there is, one by one. Once both workers are done, our table must say
what Stripe says. Three ways that look right don't end there in some order; claiming, then asking, then writing unless overtaken
(DESIGN §4.1) always does: the product's own steps, in the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from membership.db import transaction
from membership.patronage.models import Subscription
from membership.patronage.services.projecting import apply_subscription, claim_subscription
from membership.patronage.shapes import SubscriptionFacts
from tests.conftest import NOW
from tests.patronage.conftest import ON_SQLITE, Till

Steps = Iterator[None]


@dataclass
class Table:
    """Our row of one subscription, for the ways that lose: what is written, and by whom last."""

    status: str = "active"
    claim: int = 0
    written: int = 0
    last_event: datetime = NOW - timedelta(days=1)


@dataclass
class Stage:
    """What a way works with: Stripe's truth, the truth as each event's payload tells it, and our row."""

    truths: list[SubscriptionFacts]
    till: Till
    happened: int = 0
    table: Table = field(default_factory=Table)

    @property
    def truth(self) -> SubscriptionFacts:
        """What Stripe answers now."""
        return self.truths[self.happened]


def trusting_the_payload(stage: Stage, number: int) -> Steps:
    """Write what the event says."""
    yield
    stage.table.status = stage.truths[number].status


def ordering_by_created(stage: Stage, number: int, *, ties_win: bool) -> Steps:
    """Write what the event says unless a newer event was written; Stripe's seconds are whole, so that both are of the same one."""
    yield
    if stage.table.last_event < NOW or (ties_win and stage.table.last_event == NOW):
        stage.table.status, stage.table.last_event = stage.truths[number].status, NOW


def asking_before_the_claim(stage: Stage, number: int) -> Steps:
    """Ask, then claim, then write unless a later claim was written."""
    answer = stage.truth
    yield
    stage.table.claim += 1
    claim = stage.table.claim
    yield
    if stage.table.written < claim:
        stage.table.status, stage.table.written = answer.status, claim


def as_we_do_it(stage: Stage, number: int) -> Steps:
    """Claim and commit, then ask, then write unless a later claim was written."""
    session, stripe_id = stage.till.session, stage.truth.id
    with transaction(session):
        claim = claim_subscription(session, stripe_id) or 0
    yield
    answer = stage.truth
    yield
    with transaction(session):
        apply_subscription(session, answer, claim=claim, now=NOW)


Way = Callable[[Stage, int], Steps]


def orders(happens: int, steps: int) -> Iterator[str]:
    """Yield every order: H something happens at Stripe, a and b the workers' steps, none before its event exists."""

    def go_on(done: str) -> Iterator[str]:
        if len(done) == happens + 2 * steps:
            yield done
        happened = done.count("H")
        if happened < happens:
            yield from go_on(done + "H")
        for worker, event in (("a", 1), ("b", 2)):
            if happened >= event and done.count(worker) < steps:
                yield from go_on(done + worker)

    return go_on("")


def run(stage: Stage, way: Way, order: str) -> None:
    """Run two workers in this order; each handles its own event."""
    workers = {"a": way(stage, 1), "b": way(stage, 2)}
    for who in order:
        if who == "H":
            stage.happened += 1
        else:
            next(workers[who], None)


@pytest.fixture
def truths(till: Till) -> list[SubscriptionFacts]:
    """What Stripe says of one subscription: paid, then failed, then made good."""
    till.pays()
    stripe_id = till.subscription.stripe_id
    said = [till.gateway.fetch_subscription(stripe_id)]
    for act in ("fail", "recover"):
        till.stripe.control(act, id=stripe_id)
        said.append(till.gateway.fetch_subscription(stripe_id))
    return said


@ON_SQLITE
@pytest.mark.parametrize(
    ("way", "steps", "lost"),
    [
        pytest.param(trusting_the_payload, 2, "HaHbba", id="trusting the payload"),
        pytest.param(
            lambda stage, number: ordering_by_created(stage, number, ties_win=True), 2, "HaHbba", id="ordering by created, ties win"
        ),
        pytest.param(
            lambda stage, number: ordering_by_created(stage, number, ties_win=False),
            2,
            "HaaHbb",
            id="ordering by created, ties lose",
        ),
        pytest.param(asking_before_the_claim, 3, "HaHbbbaa", id="asking before the claim"),
    ],
)
def test_what_looks_right_loses(till: Till, truths: list[SubscriptionFacts], way: Way, steps: int, lost: str) -> None:
    wrong = []
    for order in orders(2, steps):
        stage = Stage(truths, till)
        run(stage, way, order)
        if stage.table.status != "active":
            wrong.append(order)

    assert [facts.status for facts in truths] == ["active", "past_due", "active"]
    assert lost in wrong


def test_claiming_then_asking_then_writing_unless_overtaken_holds(till: Till, truths: list[SubscriptionFacts]) -> None:
    ended = {}
    for order in orders(2, 3):
        begin_again(till)
        run(Stage(truths, till), as_we_do_it, order)
        row = till.subscription
        ended[order] = (row.status, row.attention, row.past_due_since, row.claim, row.written)

    assert len(ended) == 35
    # The answer to the last claim is the one that stays, whoever wrote last.
    assert ended == dict.fromkeys(ended, ("active", None, None, 2, 2))


def begin_again(till: Till) -> None:
    """Forget all claims, and what was written."""
    with transaction(till.session):
        till.session.execute(update(Subscription).values(claim=0, written=0, status="unknown"))
