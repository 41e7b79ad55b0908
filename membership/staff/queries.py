"""What the desk shows: what needs a person, the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from membership import audit_check, outbox
from membership.accounts.closures import count_held_up
from membership.credits import queries as credit
from membership.credits.ledger import promise_of
from membership.credits.promises import IN_PROGRESS, Promise
from membership.patronage.giving import count_waiting_seat_requests
from membership.patronage.keeping import keeping
from membership.patronage.models import StripeEvent
from membership.patronage.patreon import find_overdue_list
from membership.patronage.person import open_disputes
from membership.patronage.refundable import refund_troubles
from membership.patronage.transfers import count_waiting_transfers
from membership.voting.alarm import Alarm, alarms
from membership.voting.models import Publication, Round, Topic, Voiding
from membership.voting.queries import round_state

OVERDUE, VOID = "overdue", "void"
# What a vote's state asks of a person; the other states ask nothing.
ASKS = {"closed": "check", "checked": "confirm", "certified": "count", "counted": "publish"}


@dataclass(frozen=True)
class VoteTask:
    """A vote that waits for a person: check, confirm, count, publish, void (as a second one); overdue if its clock was missed."""

    round: Round
    ask: str


@dataclass(frozen=True)
class StoryTask:
    """A promise whose month has come."""

    story: credit.Story
    promise: Promise
    days_late: int


@dataclass(frozen=True)
class Desk:
    """Everything that needs a person today."""

    suggestions: int
    oldest_suggestion_at: datetime | None
    votes: tuple[VoteTask, ...]
    stories: tuple[StoryTask, ...]
    seat_requests: int
    dead_letters: int
    stuck_events: int
    disputes: int = 0  # that wait for our answer
    evidence_due_at: datetime | None = None  # the first of them
    refund_troubles: int = 0
    transfers: int = 0  # of which nobody knows whose they are
    patreon_overdue_since: datetime | None = None  # of when the last list is
    books_differ: bool = False  # from Stripe, or from themselves
    alarms: tuple[Alarm, ...] = ()  # votes whose result money that came back since could have changed
    held_up_closures: int = 0  # accounts to be deleted, of which Stripe has not let go
    audit_broken: bool = False  # the chain did not hold when it was last checked

    @property
    def is_quiet(self) -> bool:
        """Whether nothing needs anybody."""
        votes = (self.suggestions, self.votes, self.alarms, self.stories)
        waiting = (self.seat_requests, self.dead_letters, self.stuck_events)
        money = (
            self.disputes,
            self.refund_troubles,
            self.transfers,
            self.patreon_overdue_since,
            self.books_differ,
            self.held_up_closures,
        )
        return not any((*votes, *waiting, *money, self.audit_broken))


def desk(session: Session, *, at: datetime, zone: ZoneInfo) -> Desk:
    """Return what needs a person at this instant."""
    many, oldest = session.execute(select(func.count(), func.min(Topic.created_at)).where(Topic.state == "suggested")).one()
    disputes = open_disputes(session)
    return Desk(
        suggestions=many,
        oldest_suggestion_at=oldest,
        votes=tuple(_vote_tasks(session, at=at)),
        alarms=tuple(alarms(session, at=at)),
        stories=tuple(_story_tasks(session, at=at, zone=zone)),
        seat_requests=count_waiting_seat_requests(session),
        dead_letters=len(outbox.dead_letters(session)),
        stuck_events=len(stuck_events(session)),
        disputes=len(disputes),
        evidence_due_at=disputes[0].evidence_due_at if disputes else None,
        refund_troubles=len(refund_troubles(session)),
        transfers=count_waiting_transfers(session),
        patreon_overdue_since=find_overdue_list(session, at=at),
        books_differ=keeping(session).needs_somebody,
        held_up_closures=count_held_up(session),
        audit_broken=bool((checked := audit_check.newest_check(session)) and checked.faults),
    )


def stuck_events(session: Session) -> list[StripeEvent]:
    """Return what Stripe told us and we could not work on yet, oldest first."""
    failed = select(StripeEvent).where(StripeEvent.state == "new", StripeEvent.tries > 0)
    return list(session.scalars(failed.order_by(StripeEvent.received_at, StripeEvent.stripe_id)))


def _vote_tasks(session: Session, *, at: datetime) -> list[VoteTask]:
    unpublished = (
        select(Round)
        .outerjoin(Publication, Publication.round_id == Round.id)
        .outerjoin(Voiding, Voiding.round_id == Round.id)
        .where(Publication.round_id.is_(None), Voiding.voided_at.is_(None), Round.opens_at <= at)
        .order_by(Round.closes_at, Round.id)
    )
    asked = [(round_, _ask_of(round_, at)) for round_ in session.scalars(unpublished)]
    return [VoteTask(round_, ask) for round_, ask in asked if ask]


def _ask_of(round_: Round, at: datetime) -> str | None:
    state = round_state(round_, at)
    if state == "draft":
        return None
    # Opening, closing and publishing go by the clock; if a job has missed it, somebody should know.
    if (
        round_.opening is None
        or (round_.closing is None and round_.closes_at <= at)
        or (round_.count and round_.count.publish_at <= at)
    ):
        return OVERDUE
    return VOID if round_.voiding else ASKS.get(state)


def _story_tasks(session: Session, *, at: datetime, zone: ZoneInfo) -> list[StoryTask]:
    today = at.astimezone(zone).date()
    waiting = [(story, promise_of(story.commission, zone=zone)) for story in credit.stories(session, IN_PROGRESS)]
    due = [StoryTask(story, promise, promise.days_late(today)) for story, promise in waiting if promise.due_on <= today]
    return sorted(due, key=lambda task: (task.promise.due_on, task.story.commission.id))
