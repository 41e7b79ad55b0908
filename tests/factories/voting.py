"""Votes in every state, made through the services; patrons are members with a free seat."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffRole
from membership.clock import FixedClock
from membership.db import transaction
from membership.patronage.models import PaidPeriod
from membership.voting import queries, services
from membership.voting.keys import RoundKeys
from membership.voting.models import Ballot, BallotChoice, Participation, Round, Topic
from membership.voting.receipts import voter_tag

SERIAL = count(1)
WORDS_EXAMPLE = {"A": 112, "A,B": 240, "A,C": 60, "B": 110, "C": 230}


def make_member(session: Session, *, clock: FixedClock) -> int:
    """A signed-up reader who is no patron."""
    with transaction(session):
        member = Member(email=f"reader{next(SERIAL)}@example.org", created_at=clock.now())
        session.add(member)
        session.flush()
        return member.id


def make_staff(session: Session, *, clock: FixedClock, role: str = "counter") -> int:
    """Somebody who works here."""
    member_id = make_member(session, clock=clock)
    with transaction(session):
        session.add(StaffRole(member_id=member_id, role=role, granted_at=clock.now()))
    return member_id


def make_patrons(session: Session, many: int, *, clock: FixedClock) -> list[int]:
    """Members with a free seat that began yesterday and lasts a year, in one commit."""
    with transaction(session):
        members = [Member(email=f"patron{next(SERIAL)}@example.org", created_at=clock.now()) for _ in range(many)]
        session.add_all(members)
        session.flush()
        session.add_all(_free_seat(member.id, clock) for member in members)
        return [member.id for member in members]


def make_patron(session: Session, *, clock: FixedClock) -> int:
    """One member with a free seat."""
    [member_id] = make_patrons(session, 1, clock=clock)
    return member_id


def _free_seat(member_id: int, clock: FixedClock) -> PaidPeriod:
    return PaidPeriod(
        member_id=member_id,
        source="free_seat",
        reference=f"seat-{member_id}",
        starts_at=clock.now() - timedelta(days=1),
        ends_at=clock.now() + timedelta(days=365),
    )


def make_topics(session: Session, slugs: Sequence[str], *, clock: FixedClock) -> list[int]:
    """Approved topics with these slugs and titles such as "About water"."""
    return [services.ensure_topic(session, slug=slug, title=f"About {slug}", why=f"Why {slug}", now=clock.now()) for slug in slugs]


def make_round(
    session: Session,
    *,
    clock: FixedClock,
    slug: str = "march",
    topics: Sequence[str] = ("water", "schools", "port"),
    seats: int = 2,
    days: int = 7,
    settling_hours: int = 0,
    **more: Any,
) -> Round:
    """A vote that opens now and closes in a week, not opened yet."""
    round_id = services.create_round(
        session,
        name=f"The {slug.title()} vote",
        slug=slug,
        topic_ids=make_topics(session, topics, clock=clock),
        seats=seats,
        opens_at=clock.now(),
        closes_at=clock.now() + timedelta(days=days),
        settling_hours=settling_hours,
        **more,
        actor_id=None,
        now=clock.now(),
    )
    return queries.get_round(session, round_id)


def open_vote(session: Session, *, keys: RoundKeys, clock: FixedClock, **settings: object) -> Round:
    """An open vote; whoever is a patron by now is on its roll."""
    round_ = make_round(session, clock=clock, **settings)  # type: ignore[arg-type]
    services.open_round(session, round_id=round_.id, keys=keys, actor_id=None, clock=clock)
    return queries.get_round(session, round_.id)


def cast(session: Session, round_: Round, member_id: int, slugs: str, *, keys: RoundKeys, clock: FixedClock) -> None:
    """Send this member's ballot with these topics ("water,port")."""
    tag = voter_tag(keys.read(round_.id), member_id)
    services.cast_ballot(session, round_id=round_.id, tag=tag, topics=topic_ids(session, slugs), clock=clock)


def topic_ids(session: Session, slugs: str) -> frozenset[int]:
    """The ids of these topics ("water,port")."""
    return frozenset(session.scalars(select(Topic.id).where(Topic.slug.in_(slugs.split(",")))))


def cast_all(session: Session, round_: Round, profile: Mapping[str, int], *, keys: RoundKeys, clock: FixedClock) -> list[int]:
    """Let new patrons' ballots ({"water,port": 3}) be in the box, in one commit; return the voters."""
    ballots = [slugs for slugs, many in profile.items() for _ in range(many)]
    voters = make_patrons(session, len(ballots), clock=clock)
    services.draw_roll(session, round_id=round_.id, clock=clock)
    key = keys.read(round_.id)
    topics = {entry.topic.slug: entry.topic_id for entry in round_.topics}
    sent = [(uuid4(), voter, slugs.split(",")) for voter, slugs in zip(voters, ballots, strict=True)]
    with transaction(session):
        rows = [{"id": one, "round_id": round_.id, "voter_tag": voter_tag(key, voter)} for one, voter, _ in sent]
        session.execute(insert(Ballot), rows)
        choices = [{"ballot_id": one, "round_id": round_.id, "topic_id": topics[slug]} for one, _, slugs in sent for slug in slugs]
        session.execute(insert(BallotChoice), choices)
    return voters


def close_vote(session: Session, round_: Round, *, clock: FixedClock) -> Round:
    """Let the closing time come."""
    clock.instant = max(clock.instant, round_.closes_at)
    services.close_due_rounds(session, clock=clock)
    return queries.get_round(session, round_.id)


def certify_vote(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    """Close, check by one counter, confirm by another."""
    return certify_closed(session, close_vote(session, round_, clock=clock), keys=keys, clock=clock)


def certify_closed(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    """Check a closed vote's box by one counter, confirm by another."""
    first, second = make_staff(session, clock=clock), make_staff(session, clock=clock)
    services.check_box(session, round_id=round_.id, keys=keys, actor_id=first, now=clock.now())
    services.confirm_check(session, round_id=round_.id, keys=keys, actor_id=second, now=clock.now())
    services.destroy_due_keys(session, keys=keys, clock=clock)
    return queries.get_round(session, round_.id)


def count_vote(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    """Certify and open the box."""
    certify_vote(session, round_, keys=keys, clock=clock)
    return open_box(session, round_, clock=clock)


def open_box(session: Session, round_: Round, *, clock: FixedClock) -> Round:
    """Open a certified box."""
    counter = make_staff(session, clock=clock)
    services.open_box(session, round_id=round_.id, actor_id=counter, now=clock.now())
    return queries.get_round(session, round_.id)


def publish_vote(session: Session, round_: Round, *, keys: RoundKeys, clock: FixedClock) -> Round:
    """Count and publish."""
    count_vote(session, round_, keys=keys, clock=clock)
    return publish_counted(session, round_, clock=clock)


def publish_counted(session: Session, round_: Round, *, clock: FixedClock) -> Round:
    """Publish a counted result."""
    services.publish(session, round_id=round_.id, actor_id=make_staff(session, clock=clock), now=clock.now())
    return queries.get_round(session, round_.id)


def counted_voters(session: Session, round_: Round) -> list[int]:
    """Return the members whose ballot was counted, ascending."""
    counted = select(Participation.member_id).where(Participation.round_id == round_.id, Participation.counted)
    return list(session.scalars(counted.order_by(Participation.member_id)))


def suggest(session: Session, member_id: int, title: str = "Who repairs the road?", *, clock: FixedClock) -> int:
    """A suggestion of this member that nobody has answered."""
    return services.suggest_topic(session, title=title, why="It rains.", language="en", member_id=member_id, now=clock.now())


def make_supporters(session: Session, topic_id: int, many: int, *, clock: FixedClock) -> list[int]:
    """New patrons who support this topic."""
    patrons = make_patrons(session, many, clock=clock)
    for patron in patrons:
        services.support_topic(session, topic_id=topic_id, member_id=patron)
    return patrons


def change_periods(session: Session, members: Sequence[int], **values: object) -> None:
    """Their paid periods are, or their money went, as these values say."""
    with transaction(session):
        session.execute(update(PaidPeriod).where(PaidPeriod.member_id.in_(members)).values(**values))
