"""Looking into a closed box without seeing who is ahead: how many ballots, how many can't count and why, is it intact."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership.patronage.entitlement import counts_at_check, standing
from membership.patronage.models import PaidPeriod, Subscription
from membership.patronage.queries import delayed_once, find_stripe_closure
from membership.voting import queries
from membership.voting.keys import KeyLost, RoundKeys
from membership.voting.models import Ballot, BallotChoice, RollEntry, Round
from membership.voting.receipts import voter_tag
from membership.voting.roll import roll_hash
from membership.voting.shared_cards import SharedCards, shared_cards

NOT_ON_ROLL = "not_on_roll"
MALFORMED = "malformed"


@dataclass(frozen=True)
class BoxReport:
    """What the counter sees: numbers about ballots, never a topic."""

    ballots: int
    could_vote: int
    set_aside: dict[str, int]
    pending: int  # voters whose first payment is on its way
    pending_until: datetime
    roll_sha256: str
    roll_intact: bool
    key_lost: bool
    shared_cards: SharedCards

    @property
    def counted(self) -> int:
        """How many ballots will be counted as things stand."""
        return self.ballots - sum(self.set_aside.values())

    def is_settled(self, at: datetime) -> bool:
        """Whether the box can be checked: nothing is pending, or we have waited long enough."""
        return self.pending == 0 or at >= self.pending_until


@dataclass(frozen=True)
class SortedBox:
    """The box's ballots: who sent which, which can't count and why. It never leaves the check's transaction."""

    reasons: dict[UUID, str | None]  # of every ballot; None: it counts
    voters: dict[int, UUID]  # member id -> ballot; empty when the key is lost
    pending: int
    key: bytes | None = field(repr=False)


def report(session: Session, round_: Round, *, keys: RoundKeys, at: datetime) -> BoxReport:
    """Return what there is to check of a closed vote's box."""
    return report_on(session, round_, sort_ballots(session, round_, keys=keys, at=at))


def report_on(session: Session, round_: Round, sorted_: SortedBox) -> BoxReport:
    """Return the same of a box whose ballots were sorted."""
    assert round_.closing is not None
    roll = queries.roll_of(session, round_.id)
    return BoxReport(
        ballots=len(sorted_.reasons),
        could_vote=len(roll),
        set_aside=set_aside(sorted_),
        pending=sorted_.pending,
        pending_until=round_.closing.closed_at + timedelta(hours=round_.settling_hours),
        roll_sha256=round_.closing.roll_sha256,
        roll_intact=roll_hash(round_.slug, roll) == round_.closing.roll_sha256,
        key_lost=sorted_.key is None,
        shared_cards=shared_cards(session, round_.id),
    )


def set_aside(sorted_: SortedBox) -> dict[str, int]:
    """Return how many ballots can't count, by reason."""
    return dict(sorted(Counter(reason for reason in sorted_.reasons.values() if reason).items()))


def sort_ballots(session: Session, round_: Round, *, keys: RoundKeys, at: datetime) -> SortedBox:
    """Decide for each ballot whether it counts; without the key nobody can be told apart and every well-formed one does."""
    well_formed = _ticks(session, round_)
    reasons: dict[UUID, str | None] = {ballot_id: None if fine else MALFORMED for ballot_id, fine in well_formed.items()}
    try:
        key = keys.read(round_.id)
    except KeyLost:
        return SortedBox(reasons, {}, 0, None)
    ballots = {tag: ballot_id for ballot_id, tag in _tags(session, round_.id)}
    tags = {member_id: voter_tag(key, member_id) for member_id in queries.roll_of(session, round_.id)}
    voters = {member_id: ballots[tag] for member_id, tag in tags.items() if tag in ballots}
    pending = 0
    opened_at = round_.opening.opened_at if round_.opening else None
    once, closure = delayed_once(session), find_stripe_closure(session)
    closed_at = closure.closed_at if closure else None
    for member_id, (periods, subscriptions) in _money_of(session, round_.id, voters):
        ballot_id, single = voters[member_id], once.get(member_id)
        pending += standing(periods, subscriptions, once=single, stripe_closed_at=closed_at, at=at).code == "pending"
        reasons[ballot_id] = reasons[ballot_id] or counts_at_check(
            periods, subscriptions, once=single, stripe_closed_at=closed_at, at=at, since=opened_at
        )
    for stranger in set(ballots.values()) - set(voters.values()):
        reasons[stranger] = NOT_ON_ROLL
    return SortedBox(reasons, voters, pending, key)


def choices_of(session: Session, round_id: int) -> Mapping[UUID, str]:
    """Return each ballot's ticked topics as they are certified: slugs, sorted, comma-separated."""
    slugs = {entry.topic_id: entry.topic.slug for entry in queries.get_round(session, round_id).topics}
    rows = select(BallotChoice.ballot_id, BallotChoice.topic_id).where(BallotChoice.round_id == round_id)
    ordered = session.execute(rows.order_by(BallotChoice.ballot_id))
    return {
        ballot_id: ",".join(sorted(slugs[row.topic_id] for row in group))
        for ballot_id, group in groupby(ordered, key=lambda row: row.ballot_id)
    }


def _ticks(session: Session, round_: Round) -> dict[UUID, bool]:
    counted = (
        select(Ballot.id, func.count(BallotChoice.topic_id))
        .outerjoin(BallotChoice, BallotChoice.ballot_id == Ballot.id)
        .where(Ballot.round_id == round_.id)
        .group_by(Ballot.id)
    )
    return {ballot_id: 1 <= ticks <= round_.max_ticks for ballot_id, ticks in session.execute(counted)}


def _tags(session: Session, round_id: int) -> Iterable[tuple[UUID, bytes]]:
    return [
        (row.id, row.voter_tag) for row in session.execute(select(Ballot.id, Ballot.voter_tag).where(Ballot.round_id == round_id))
    ]


def _money_of(
    session: Session, round_id: int, members: Iterable[int]
) -> Iterator[tuple[int, tuple[list[PaidPeriod], list[Subscription]]]]:
    periods: dict[int, list[PaidPeriod]] = {}
    subscriptions: dict[int, list[Subscription]] = {}
    for period in session.scalars(
        select(PaidPeriod).join(RollEntry, RollEntry.member_id == PaidPeriod.member_id).where(RollEntry.round_id == round_id)
    ):
        periods.setdefault(period.member_id, []).append(period)
    for subscription in session.scalars(
        select(Subscription).join(RollEntry, RollEntry.member_id == Subscription.member_id).where(RollEntry.round_id == round_id)
    ):
        if subscription.member_id is not None:
            subscriptions.setdefault(subscription.member_id, []).append(subscription)
    for member_id in members:
        yield member_id, (periods.get(member_id, []), subscriptions.get(member_id, []))
