"""Reading who is a patron, what was paid and what can be bought."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, column, exists, func, select, table, true, union
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffRole
from membership.accounts.queries import find_member_who_may_prove
from membership.articles.models import Article
from membership.errors import NotFound
from membership.patronage.asks import Ask, ask_of, offer_of
from membership.patronage.entitlement import FAILED, LIVE, PENDING, RUNNING, Standing, standing
from membership.patronage.models import (
    CheckoutAttempt,
    PaidPeriod,
    Payment,
    Plan,
    StripeClosure,
    StripeCustomer,
    StripeEvent,
    Subscription,
)

# Statuses that may make somebody a patron without a period that covers the instant.
HOPEFUL = RUNNING | {"past_due", "incomplete"}

# Drawn by credits, which stands to our right: read here by its table's name, so that an ask costs one query.
FIGURES = ("patrons", "stories_chosen", "stories_published", "gross_minor", "net_minor")
_figures = table("site_figures", *(column(name) for name in FIGURES))


def periods_of(session: Session, member_id: int) -> list[PaidPeriod]:
    """Return the time a member has paid for, or was given, oldest first."""
    own = select(PaidPeriod).where(PaidPeriod.member_id == member_id).order_by(PaidPeriod.starts_at)
    return list(session.scalars(own.execution_options(populate_existing=True)))


def subscriptions_of(session: Session, member_id: int) -> list[Subscription]:
    """Return a member's subscriptions, newest first."""
    own = select(Subscription).where(Subscription.member_id == member_id)
    newest_first = own.order_by(Subscription.created_at.desc(), Subscription.stripe_id)
    return list(session.scalars(newest_first.execution_options(populate_existing=True)))


def live_subscriptions_of(session: Session, member_id: int) -> list[Subscription]:
    """Return the member's subscriptions that are not over: those that go on, then those that stop; newest first."""
    live = [s for s in subscriptions_of(session, member_id) if s.status in LIVE]
    return sorted(live, key=lambda s: s.cancel_at is not None)


def is_twin(session: Session, member: Member) -> bool:
    """Tell whether a mail to the address that this member typed and never proved lets somebody else in."""
    if member.email is not None or member.typed_email is None:
        return False
    let_in = find_member_who_may_prove(session, member.typed_email)
    return let_in is not None and let_in.id != member.id


def payments_of(session: Session, member_id: int) -> list[Payment]:
    """Return every movement of a member's money, newest first."""
    own = select(Payment).where(Payment.member_id == member_id)
    return list(session.scalars(own.order_by(Payment.occurred_at.desc(), Payment.id.desc())))


def standing_of(session: Session, member_id: int, *, at: datetime) -> Standing:
    """Return what a member is at this instant."""
    is_closed = exists().where(Member.id == member_id, Member.closed_at.is_not(None))
    staff, closed, closed_at = session.execute(
        select(exists().where(StaffRole.member_id == member_id), is_closed, _closed_at()),
    ).one()
    return standing(
        periods_of(session, member_id),
        subscriptions_of(session, member_id),
        is_staff=staff,
        is_closed=closed,
        once=delayed_once(session, [member_id]).get(member_id),
        stripe_closed_at=closed_at,
        at=at,
    )


def patron_ids(session: Session, *, at: datetime) -> list[int]:
    """Return everyone who may vote at this instant, ascending; staff and deleted accounts excluded.

    Whoever a paid period covers is one; only the few others with a hopeful subscription go through the pure function.
    """
    covered = set(session.scalars(_covered(at)))
    closed_at = session.scalar(select(_closed_at()))
    hopeful = Subscription.status.in_(HOPEFUL)
    if closed_at is not None:  # what has ended there since counts on for a while
        hopeful = hopeful | (Subscription.status == "unpaid") | (Subscription.ended_at >= closed_at)
    maybe = session.scalars(select(Subscription.member_id).where(Subscription.member_id.is_not(None), hopeful))
    once = delayed_once(session)
    candidates = ({member_id for member_id in maybe if member_id is not None} | set(once)) - covered
    excluded = set(session.scalars(union(select(StaffRole.member_id), select(Member.id).where(Member.closed_at.is_not(None)))))
    return sorted((covered | _entitled(session, candidates, once, closed_at, at)) - excluded)


def delayed_once(session: Session, member_ids: Collection[int] | None = None) -> dict[int, str]:
    """Return for whom a single payment takes its days (pending) or did not come (failed); of everybody unless told of whom."""
    attempts = select(CheckoutAttempt.member_id, CheckoutAttempt.failed_at).where(
        CheckoutAttempt.completed_at.is_not(None),
        CheckoutAttempt.paid_at.is_(None),
        CheckoutAttempt.interval == "once",
        CheckoutAttempt.purpose == "membership",
        CheckoutAttempt.member_id.is_not(None) if member_ids is None else CheckoutAttempt.member_id.in_(member_ids),
    )
    # Failed ones first: of two, the one that may still come counts.
    rows = sorted(session.execute(attempts), key=lambda row: row.failed_at is None)
    return {row.member_id: PENDING if row.failed_at is None else FAILED for row in rows}


def find_stripe_closure(session: Session) -> StripeClosure | None:
    """Return since when Stripe is closed to us; None while it is open."""
    return session.scalars(select(StripeClosure).where(StripeClosure.reopened_at.is_(None))).first()


def count_patrons(session: Session, *, at: datetime) -> int:
    """Return how many people may vote at this instant."""
    return len(patron_ids(session, at=at))


def offered_plans(session: Session) -> list[Plan]:
    """Return the plans that can be bought, the one that the asks at the foot sell first."""
    return list(session.scalars(select(Plan).where(Plan.retired_at.is_(None)).order_by(Plan.id)))


def find_default_plan(session: Session) -> Plan | None:
    """Return the plan that the asks sell: the first one made that is still offered."""
    return session.scalars(select(Plan).where(Plan.retired_at.is_(None)).order_by(Plan.id).limit(1)).first()


def default_plan(session: Session) -> Plan:
    """Return the plan that the asks sell; raises NotFound."""
    found = find_default_plan(session)
    if found is None:
        raise NotFound("Nothing can be bought here yet.")
    return found


def ask_for(session: Session, *, article: Article | None = None, plan_key: str = "") -> Ask | None:
    """Return what the ask on this article's page, or on the join page, offers; None while nothing can be bought by card.

    A plan that is not offered, or none, is the first one.
    """
    is_closed = exists().where(StripeClosure.reopened_at.is_(None))
    rows = session.execute(
        select(Plan, *_figures.columns).outerjoin(_figures, true()).where(Plan.retired_at.is_(None), ~is_closed).order_by(Plan.id),
    ).all()
    if not rows:
        return None
    row = next((row for row in rows if row.Plan.key == plan_key), rows[0])
    drawn: dict[str, Any] = {name: getattr(row, name) or 0 for name in FIGURES}
    slug, calm = (article.slug, article.calm) if article else ("", False)
    offers = tuple(offer_of(each.Plan) for each in rows) if len(rows) > 1 else ()
    return replace(ask_of(row.Plan), article_slug=slug, calm=calm, offers=offers, **drawn)


def find_plan(session: Session, key: str) -> Plan | None:
    """Return the plan under this key."""
    return session.scalar(select(Plan).where(Plan.key == key))


def get_plan(session: Session, key: str) -> Plan:
    """Return the plan under this key; raises NotFound."""
    found = find_plan(session, key)
    if found is None:
        raise NotFound("There is no such plan.")
    return found


def find_plan_of(session: Session, attempt: CheckoutAttempt) -> Plan:
    """Return the plan that an attempt is about."""
    return session.get_one(Plan, attempt.plan_id)


def all_plans(session: Session) -> list[Plan]:
    """Return every plan, retired ones too, oldest first."""
    return list(session.scalars(select(Plan).order_by(Plan.id)))


def money_totals(session: Session, *, since: datetime, until: datetime) -> tuple[int, int]:
    """Return what card payments of this time came to, before and after what the card company took; refunds apart."""
    row = session.execute(
        select(func.sum(Payment.amount_minor), func.sum(Payment.net_minor)).where(
            Payment.kind == "charge",
            Payment.net_minor.is_not(None),
            Payment.occurred_at >= since,
            Payment.occurred_at < until,
        ),
    ).one()
    return int(row[0] or 0), int(row[1] or 0)


def money_given(session: Session, member_id: int) -> tuple[int, int | None]:
    """Return what a member has given in all, and what of it reached us; None while a fee is not known yet."""
    rows = payments_of(session, member_id)
    nets = [payment.net_minor for payment in rows]
    net = None if None in nets else sum(net for net in nets if net is not None)
    return sum(payment.amount_minor for payment in rows), net


def find_payment_of_attempt(session: Session, attempt_id: UUID) -> Payment | None:
    """Return the first payment that an attempt led to."""
    charges = select(Payment).where(Payment.attempt_id == attempt_id, Payment.kind == "charge")
    return session.scalars(charges.order_by(Payment.occurred_at, Payment.id).limit(1)).first()


def find_attempt(session: Session, attempt_id: UUID) -> CheckoutAttempt | None:
    """Return the attempt as it is in the database now."""
    return session.get(CheckoutAttempt, attempt_id, populate_existing=True)


def find_attempt_by_session(session: Session, stripe_session_id: str) -> CheckoutAttempt | None:
    """Return the attempt behind a Checkout session."""
    return session.scalar(select(CheckoutAttempt).where(CheckoutAttempt.stripe_session_id == stripe_session_id))


def find_customer_of(session: Session, member_id: int) -> str | None:
    """Return the member's newest customer at Stripe that still exists there."""
    own = (StripeCustomer.member_id == member_id, StripeCustomer.deleted_at.is_(None))
    newest = select(StripeCustomer.stripe_id).where(*own)
    return session.scalars(newest.order_by(StripeCustomer.created_at.desc(), StripeCustomer.stripe_id).limit(1)).first()


def find_payment(session: Session, *, source: str, reference: str) -> Payment | None:
    """Return the movement of money under this id."""
    return session.scalar(select(Payment).where(Payment.source == source, Payment.reference == reference))


def find_period(session: Session, *, source: str, reference: str) -> PaidPeriod | None:
    """Return the paid period under this id."""
    return session.scalar(select(PaidPeriod).where(PaidPeriod.source == source, PaidPeriod.reference == reference))


def new_events(session: Session, *, tries_below: int, limit: int = 200) -> list[StripeEvent]:
    """Return the events that still wait to be worked on, oldest first."""
    waiting = select(StripeEvent).where(StripeEvent.state == "new", StripeEvent.tries < tries_below)
    return list(session.scalars(waiting.order_by(StripeEvent.received_at, StripeEvent.stripe_id).limit(limit)))


def find_article_slug(session: Session, article_id: int | None) -> str | None:
    """Return the address of the article that an attempt came from."""
    return session.scalar(select(Article.slug).where(Article.id == article_id)) if article_id else None


def is_proved(session: Session, member_id: int) -> bool:
    """Return whether a mailbox has proved this member's address."""
    return session.scalar(select(Member.email).where(Member.id == member_id)) is not None


def is_covered(member_id: ColumnElement[int], at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that a paid period alone makes this member a patron at this instant, so that nothing else is to ask."""
    is_closed = exists().where(Member.id == member_id, Member.closed_at.is_not(None))
    is_staff = exists().where(StaffRole.member_id == member_id)
    return and_(_covered(at).where(PaidPeriod.member_id == member_id).exists(), ~is_staff, ~is_closed)


def _covered(at: datetime | ColumnElement[datetime]) -> Select[int]:
    reversed_at, disputed_at = PaidPeriod.reversed_at, PaidPeriod.disputed_at
    is_kept = (reversed_at.is_(None) | (reversed_at > at)) & (disputed_at.is_(None) | (disputed_at > at))
    return select(PaidPeriod.member_id).distinct().where(PaidPeriod.starts_at <= at, PaidPeriod.ends_at > at, is_kept)


def _closed_at() -> ScalarSelect[datetime]:
    return select(StripeClosure.closed_at).where(StripeClosure.reopened_at.is_(None)).limit(1).scalar_subquery()


def _entitled(
    session: Session, member_ids: set[int], once: Mapping[int, str], closed_at: datetime | None, at: datetime
) -> set[int]:
    if not member_ids:
        return set()
    periods: dict[int, list[PaidPeriod]] = {}
    subscriptions: dict[int, list[Subscription]] = {}
    for period in session.scalars(select(PaidPeriod).where(PaidPeriod.member_id.in_(member_ids))):
        periods.setdefault(period.member_id, []).append(period)
    for subscription in session.scalars(select(Subscription).where(Subscription.member_id.in_(member_ids))):
        subscriptions.setdefault(subscription.member_id or 0, []).append(subscription)
    return {
        member_id
        for member_id in member_ids
        if standing(
            periods.get(member_id, ()),
            subscriptions.get(member_id, ()),
            once=once.get(member_id),
            stripe_closed_at=closed_at,
            at=at,
        ).may_vote
    }
