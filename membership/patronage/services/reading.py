"""Which article brought whom: kept on the rows of money while a support lives and for a year, then only by month (DESIGN §4.4)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, union
from sqlalchemy.orm import Session, aliased

from membership.db import insert_into, transaction
from membership.patronage.entitlement import LIVE
from membership.patronage.models import ArticleMonth, CheckoutAttempt, PaidPeriod, Payment, Subscription

KEEP_ARTICLE = timedelta(days=365)
AT_ONCE = 200
NAMING_AN_ARTICLE: tuple[Any, ...] = (CheckoutAttempt, Subscription, Payment)
CAME_IN = frozenset({"charge", "manual"})
Key = tuple[date, int, str]


@dataclass
class _Month:
    supports: int = 0
    payments: int = 0
    amount_minor: int = 0


def gather_old_articles(session: Session, *, now: datetime) -> int:
    """Move the articles of supports that ended a year ago into the months' numbers; safe to repeat. Return of how many people."""
    before, gathered = now - KEEP_ARTICLE, 0
    while ids := _ended_long_ago(session, before):
        with transaction(session):
            gather_articles_of(session, ids)
        gathered += len(ids)
    with transaction(session):
        _gather(session, *(_nobodys(model, before) for model in NAMING_AN_ARTICLE))
    return gathered


def gather_articles_of(session: Session, member_ids: Collection[int]) -> None:
    """Move the articles of these members' rows into the months' numbers; a step of the caller's transaction."""
    own = (model.member_id.in_(member_ids) for model in NAMING_AN_ARTICLE)
    _gather(session, *own)


def _gather(session: Session, *which: ColumnElement[bool]) -> None:
    months: dict[Key, _Month] = defaultdict(_Month)
    for model, own in zip(NAMING_AN_ARTICLE, which, strict=True):
        # Locked, so that of two workers one finds nothing left to count.
        rows = select(model).where(own, model.article_id.is_not(None)).order_by(*model.__table__.primary_key)
        for row in session.scalars(rows.with_for_update().execution_options(populate_existing=True)).all():
            _count(months, row)
            row.article_id = None
    session.flush()
    for (month, article_id, currency), found in sorted(months.items()):
        values = {"supports": found.supports, "payments": found.payments, "amount_minor": found.amount_minor}
        new = insert_into(session, ArticleMonth).values(month=month, article_id=article_id, currency=currency, **values)
        added = {name: getattr(ArticleMonth, name) + new.excluded[name] for name in values}
        session.execute(new.on_conflict_do_update(index_elements=["month", "article_id", "currency"], set_=added))


def _count(months: dict[Key, _Month], row: CheckoutAttempt | Subscription | Payment) -> None:
    article_id = row.article_id
    assert article_id is not None
    if isinstance(row, CheckoutAttempt) and row.paid_at is not None:
        months[(row.created_at.date().replace(day=1), article_id, row.currency)].supports += 1
    elif isinstance(row, Payment):
        month = months[(row.occurred_at.date().replace(day=1), article_id, row.currency)]
        month.payments += row.kind in CAME_IN
        month.amount_minor += row.amount_minor


def _ended_long_ago(session: Session, before: datetime) -> list[int]:
    """Return the next few members whose rows name an article and whose last time as a patron ended before then."""
    named = union(*(_named(model, before) for model in NAMING_AN_ARTICLE)).subquery()
    member_id = named.c.member_id
    lasts = exists().where(PaidPeriod.member_id == member_id, PaidPeriod.ends_at >= before)
    runs = exists().where(Subscription.member_id == member_id, or_(Subscription.status.in_(LIVE), Subscription.ended_at >= before))
    return list(session.scalars(select(member_id).where(~lasts, ~runs).order_by(member_id).limit(AT_ONCE)))


def _named(model: Any, before: datetime) -> Any:
    own = (model.article_id.is_not(None), model.member_id.is_not(None))
    later = aliased(CheckoutAttempt)  # of the same person: the model may be CheckoutAttempt itself
    begun = exists().where(later.member_id == model.member_id, later.created_at >= before)
    return select(model.member_id.label("member_id")).where(*own, ~begun)


def _nobodys(model: Any, before: datetime) -> ColumnElement[bool]:
    at = model.occurred_at if model is Payment else model.created_at
    return and_(model.member_id.is_(None), at < before)
