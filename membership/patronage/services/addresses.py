"""Stripe is told the addresses of our members: drawn from state, so that it is told again until it has heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.db import release, transaction
from membership.errors import Conflict, NotFound, Unavailable
from membership.patronage.gateway import Gateway, KeyInUse
from membership.patronage.gateway.connection import one_key
from membership.patronage.models import StripeCustomer

log = structlog.get_logger()

AT_ONCE = 100
# Then Stripe itself is down, and every further one would only wait for nothing.
GIVE_UP_AFTER = 10
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Push:
    """What Stripe has to hear of one customer: the address since when, and of which instant it heard last."""

    customer_id: str
    address: str
    changed_at: datetime
    heard_at: datetime | None


def push_addresses(session: Session, gateway: Gateway) -> int:
    """Tell Stripe each address that was changed since it last heard; return how many. What fails for now waits for the next run."""
    pushed = failed = 0
    for push in _waiting(session):
        release(session)
        try:
            gateway.update_customer_email(push.customer_id, push.address, key=_key(push))
        except (Unavailable, KeyInUse):  # perhaps of this one customer only
            failed += 1
            if failed == GIVE_UP_AFTER:
                break
            continue
        except (NotFound, Conflict) as refused:  # deleted there, or no address to Stripe: asking again changes nothing
            log.warning("stripe.address_refused", customer=push.customer_id, error=type(refused).__name__)
        _note(session, push)
        pushed += 1
    return pushed


def _key(push: Push) -> str:
    heard_at = push.heard_at and push.heard_at.isoformat()
    return one_key("customer-email", push.customer_id, push.address, push.changed_at.isoformat(), heard_at)


def _waiting(session: Session) -> list[Push]:
    unheard = or_(StripeCustomer.address_pushed_at.is_(None), StripeCustomer.address_pushed_at < Member.address_changed_at)
    address = func.coalesce(Member.email, Member.typed_email)
    rows = (
        select(StripeCustomer.stripe_id, address, Member.address_changed_at, StripeCustomer.address_pushed_at)
        .join(Member, Member.id == StripeCustomer.member_id)
        .where(StripeCustomer.deleted_at.is_(None), Member.address_changed_at.is_not(None), address.is_not(None), unheard)
        .order_by(Member.address_changed_at, StripeCustomer.stripe_id)
        .limit(AT_ONCE)
    )
    return [
        Push(customer_id, email, changed_at, heard_at)
        for customer_id, email, changed_at, heard_at in session.execute(rows)
        if changed_at is not None
    ]


def _note(session: Session, push: Push) -> None:
    """Note what Stripe has heard; once more, if another worker told it something else: nobody knows what it heard last."""
    with transaction(session):
        row = session.get(StripeCustomer, push.customer_id, with_for_update=True, populate_existing=True)
        if row is None:
            return
        is_alone = row.address_pushed_at in (push.heard_at, push.changed_at)
        # Another instant than before makes another key: with the same one Stripe would only repeat its answer.
        row.address_pushed_at = push.changed_at if is_alone else push.changed_at - MOMENT
