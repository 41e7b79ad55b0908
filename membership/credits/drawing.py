"""What credits draws from state; each is safe to repeat and to run twice at once."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.credits.badges import CO_CREATOR
from membership.credits.models import Award, Commission, SiteFigures
from membership.credits.promises import PUBLISHED, default_due
from membership.credits.services import LETTER, letter_key
from membership.db import insert_into, transaction
from membership.outbox import OutboxItem
from membership.page_version import raise_page_version
from membership.patronage import queries as patronage
from membership.voting import queries as voting
from membership.voting.models import Participation, Publication, Round

LETTERS_AT_ONCE = 500
YEAR = timedelta(days=365)


def draw_commissions(session: Session, *, zone: ZoneInfo, now: datetime) -> int:
    """Promise each topic that a published vote chose; return how many are new."""
    waiting = _published_without(session, exists().where(Commission.round_id == Publication.round_id))
    return sum(_promise(session, round_id, zone=zone, now=now) for round_id in waiting)


def draw_awards(session: Session, *, now: datetime) -> int:
    """Give the Co-creator badge to every counted voter of each published vote; return how many are new."""
    waiting = _published_without(session, exists().where(Award.round_id == Publication.round_id))
    return sum(_award(session, round_id, now=now) for round_id in waiting)


def write_story_letters(session: Session, *, now: datetime, at_once: int = LETTERS_AT_ONCE) -> int:
    """Put one letter per counted voter of each published story into the outbox; return how many are new."""
    waiting = select(Commission.id).where(Commission.state == PUBLISHED, Commission.letters_written_at.is_(None))
    written = 0
    for commission_id in list(session.scalars(waiting.order_by(Commission.id))):
        last_member: int | None = 0
        while last_member is not None:
            many, last_member = _write_batch(session, commission_id, after=last_member, limit=at_once, now=now)
            written += many
    return written


def refresh_figures(session: Session, *, now: datetime) -> int:
    """Count anew what open pages print; return how many numbers changed. Without a change nothing is written or rendered anew."""
    gross, net = patronage.money_totals(session, since=now - YEAR, until=now)
    drawn = {
        "patrons": patronage.count_patrons(session, at=now),
        "stories_chosen": _count(session),
        "stories_published": _count(session, Commission.state == PUBLISHED),
        "gross_minor": gross,
        "net_minor": net,
    }
    with transaction(session):
        known = session.get(SiteFigures, 1, with_for_update=True, populate_existing=True)
        changed = [name for name, value in drawn.items() if known is None or getattr(known, name) != value]
        if changed:
            values = {"drawn_at": now, **drawn}
            upsert = insert_into(session, SiteFigures).values(id=1, **values)
            session.execute(upsert.on_conflict_do_update(index_elements=[SiteFigures.id], set_=values))
            raise_page_version(session)
    return len(changed)


def _published_without(session: Session, drawn: ColumnElement[bool]) -> list[int]:
    return list(session.scalars(select(Publication.round_id).where(~drawn).order_by(Publication.round_id)))


def _promise(session: Session, round_id: int, *, zone: ZoneInfo, now: datetime) -> int:
    with transaction(session):
        publication = _lock(session, round_id)
        round_ = session.get_one(Round, round_id)
        known = session.scalar(select(Commission.id).where(Commission.round_id == round_id).limit(1))
        if known is not None or round_.count is None:
            return 0
        topics = {entry.topic.slug: entry.topic_id for entry in round_.topics}
        month = default_due(publication.published_at.astimezone(zone).date())
        winners = voting.result_of(round_).winners
        for seat, slug in enumerate(winners, start=1):
            session.add(
                Commission(round_id=round_id, topic_id=topics[slug], seat=seat, promised_on=month, due_on=month, created_at=now),
            )
        if winners:
            raise_page_version(session)
    return len(winners)


def _award(session: Session, round_id: int, *, now: datetime) -> int:
    with transaction(session):
        _lock(session, round_id)
        held = exists().where(Award.round_id == round_id, Award.member_id == Participation.member_id, Award.badge == CO_CREATOR)
        earned = (
            select(Participation.member_id, literal(CO_CREATOR), Participation.round_id, literal(now, Award.awarded_at.type))
            .join(Member, Member.id == Participation.member_id)
            .where(Participation.round_id == round_id, Participation.counted, ~held, Member.closed_at.is_(None))
            .order_by(Participation.member_id)
        )
        columns = [Award.member_id, Award.badge, Award.round_id, Award.awarded_at]
        return len(session.scalars(insert(Award).from_select(columns, earned).returning(Award.id)).all())


def _lock(session: Session, round_id: int) -> Publication:
    # Two workers may have found the same vote: the second waits here and then finds it done.
    return session.get_one(Publication, round_id, with_for_update=True, populate_existing=True)


def _write_batch(session: Session, commission_id: int, *, after: int, limit: int, now: datetime) -> tuple[int, int | None]:
    """Write the next letters; return how many, and the last member looked at: None when there is nobody left."""
    with transaction(session):
        commission = session.get_one(Commission, commission_id, with_for_update=True, populate_existing=True)
        if commission.state != PUBLISHED or commission.letters_written_at is not None:
            return 0, None
        voters = _counted_voters(session, commission.round_id, after=after, limit=limit)
        keys = {letter_key(commission_id, member_id): member_id for member_id in voters}
        known = set(session.scalars(select(OutboxItem.key).where(OutboxItem.key.in_(keys))))
        for key, member_id in keys.items():
            if key not in known:
                payload = {"commission_id": commission_id, "member_id": member_id}
                session.add(OutboxItem(key=key, kind=LETTER, payload=payload, created_at=now, due_at=now))
        if len(voters) < limit:
            commission.letters_written_at = now
            return len(keys) - len(known), None
        return len(keys) - len(known), voters[-1]


def _counted_voters(session: Session, round_id: int, *, after: int, limit: int) -> list[int]:
    return list(
        session.scalars(
            select(Participation.member_id)
            .join(Member, Member.id == Participation.member_id)
            .where(
                Participation.round_id == round_id,
                Participation.counted,
                Participation.member_id > after,
                func.coalesce(Member.email, Member.typed_email).is_not(None),
            )
            .order_by(Participation.member_id)
            .limit(limit),
        ),
    )


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Commission).where(*conditions)) or 0
