"""Reading people for those who look after payments: found, filtered, page by page. Never anything of a ballot."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member, StaffRole
from membership.patronage import queries
from membership.patronage.bank_statement import references_in
from membership.patronage.entitlement import Standing, standing
from membership.patronage.models import (
    CheckoutAttempt,
    Dispute,
    PaidPeriod,
    Payment,
    RefundOrder,
    StripeCustomer,
    Subscription,
    TransferReference,
)

PAGE = 50
CHUNK = 500
STATES = (
    "patron",
    "cancelling",
    "grace",
    "pending",
    "paused",
    "payment_failed",
    "refunded",
    "disputed",
    "ended",
    "never",
    "staff",
    "closed",
)
SOURCES = ("subscription", "once", "gift", "bank", "paypal", "cash", "patreon", "free_seat", "comp")
SORTS = ("newest", "oldest", "name", "given")


@dataclass(frozen=True)
class Wanted:
    """Who is looked for; an empty value looks for everybody."""

    q: str = ""
    state: str = ""
    source: str = ""
    sort: str = "newest"


@dataclass(frozen=True)
class Line:
    """One person of the list."""

    member: Member
    standing: Standing
    sources: tuple[str, ...]
    given: tuple[tuple[str, int], ...]  # currency and minor units, what went back taken off


@dataclass(frozen=True)
class Page:
    """Some people, and whether there are more after them."""

    lines: tuple[Line, ...]
    number: int
    has_more: bool


def find_people(session: Session, wanted: Wanted, *, at: datetime, number: int = 1, limit: int = PAGE) -> Page:
    """Return one page of the people who are looked for."""
    skip = (number - 1) * limit
    if wanted.state:
        found = _first_in_state(session, wanted, at, skip + limit + 1)[skip:]
    else:
        found = list(session.scalars(_matching(wanted).offset(skip).limit(limit + 1)))
    return Page(tuple(_lines(session, found[:limit], at)), number, has_more=len(found) > limit)


def standings_of(session: Session, members: Collection[Member], *, at: datetime) -> dict[int, Standing]:
    """Return what each of these members is at this instant."""
    ids = [member.id for member in members]
    periods = _grouped(session, select(PaidPeriod).where(PaidPeriod.member_id.in_(ids)))
    subscriptions = _grouped(session, select(Subscription).where(Subscription.member_id.in_(ids)))
    once = queries.delayed_once(session, ids)
    closure = queries.find_stripe_closure(session)
    return {
        member.id: standing(
            periods.get(member.id, ()),
            subscriptions.get(member.id, ()),
            is_staff=member.is_staff,
            is_closed=member.closed_at is not None,
            once=once.get(member.id),
            stripe_closed_at=closure.closed_at if closure else None,
            at=at,
        )
        for member in members
    }


def _matching(wanted: Wanted) -> Select[int]:
    found = select(Member.id)
    if wanted.q:
        found = found.where(or_(*_named(wanted.q)))
    if wanted.source:
        found = found.where(exists().where(PaidPeriod.member_id == Member.id, PaidPeriod.source == wanted.source))
    given = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(Payment.member_id == Member.id).scalar_subquery()
    order: dict[str, tuple[Any, ...]] = {
        "oldest": (Member.id,),
        "name": (Member.display_name == "", func.lower(Member.display_name), Member.id),
        "given": (given.desc(), Member.id),
    }
    return found.order_by(*order.get(wanted.sort, (Member.id.desc(),)))


def _named(text: str) -> Iterator[ColumnElement[bool]]:
    """Give what a search may mean: a part of an address or a name, our own number, or the whole of one of Stripe's or a bank's."""
    # SQLite folds the case of Latin letters only.
    for form in {text, text.lower(), text.upper(), text.title()}:
        yield Member.display_name.contains(form, autoescape=True)
    yield Member.email.contains(text.lower(), autoescape=True)
    yield Member.typed_email.contains(text.lower(), autoescape=True)
    number = text.removeprefix("#")
    if number.isascii() and number.isdecimal() and len(number) < 19:
        yield Member.id == int(number)
    for column in (
        StripeCustomer.stripe_id,
        Subscription.stripe_id,
        Payment.reference,
        PaidPeriod.reference,
        CheckoutAttempt.stripe_session_id,
        Dispute.stripe_id,
        RefundOrder.stripe_refund_id,
    ):
        yield Member.id.in_(select(column.class_.member_id).where(column == text))
    references = {text.upper(), *references_in(text)}
    yield Member.id.in_(select(TransferReference.member_id).where(TransferReference.reference.in_(references)))


def _first_in_state(session: Session, wanted: Wanted, at: datetime, enough: int) -> list[int]:
    """Return the first so many of the wanted state. It follows from several tables by a pure function, so it is asked in chunks."""
    ids = list(session.scalars(_matching(wanted).where(_may_be(wanted.state))))
    found: list[int] = []
    for begin in range(0, len(ids), CHUNK):
        members = _members(session, ids[begin : begin + CHUNK])
        states = standings_of(session, members, at=at)
        found += [member.id for member in members if states[member.id].code == wanted.state]
        if len(found) >= enough:
            break
    return found[:enough]


def _may_be(state: str) -> ColumnElement[bool]:
    """Return a coarse condition that everybody in a state meets, so that few have to be looked at closely."""
    has_period = exists().where(PaidPeriod.member_id == Member.id)
    has_subscription = exists().where(Subscription.member_id == Member.id)
    has_attempt = exists().where(CheckoutAttempt.member_id == Member.id)
    if state == "staff":
        return exists().where(StaffRole.member_id == Member.id)
    if state == "closed":
        return Member.closed_at.is_not(None)
    if state == "refunded":
        return exists().where(PaidPeriod.member_id == Member.id, PaidPeriod.reversed_at.is_not(None))
    if state == "disputed":
        return exists().where(PaidPeriod.member_id == Member.id, PaidPeriod.disputed_at.is_not(None))
    return or_(has_period, has_subscription, has_attempt) if state != "never" else Member.id.is_not(None)


def _lines(session: Session, ids: Collection[int], at: datetime) -> list[Line]:
    members = _members(session, ids)
    states = standings_of(session, members, at=at)
    sources = select(PaidPeriod.member_id, PaidPeriod.source).where(PaidPeriod.member_id.in_(ids)).distinct()
    money = (
        select(Payment.member_id, Payment.currency, func.sum(Payment.amount_minor))
        .where(Payment.member_id.in_(ids))
        .group_by(Payment.member_id, Payment.currency)
    )
    sources_of: dict[int, set[str]] = {}
    given_by: dict[int, list[tuple[str, int]]] = {}
    for member_id, source in session.execute(sources):
        sources_of.setdefault(member_id, set()).add(source)
    for payer, currency, amount in session.execute(money):
        given_by.setdefault(payer or 0, []).append((currency, int(amount)))
    return [
        Line(
            member,
            states[member.id],
            tuple(source for source in SOURCES if source in sources_of.get(member.id, ())),
            tuple(sorted(given_by.get(member.id, ()))),
        )
        for member in members
    ]


def _members(session: Session, ids: Collection[int]) -> list[Member]:
    """Return these members in the given order."""
    found = {member.id: member for member in session.scalars(select(Member).where(Member.id.in_(ids)))}
    return [found[member_id] for member_id in ids if member_id in found]


def _grouped(session: Session, rows: Select[Any]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = {}
    for row in session.scalars(rows):
        grouped.setdefault(row.member_id, []).append(row)
    return grouped
