"""The switch for the day on which Stripe is closed to us: the asks lead to the other ways, rights stay (DESIGN §4.11)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership import audit
from membership.db import insert_into, transaction
from membership.errors import Conflict
from membership.page_version import raise_page_version
from membership.patronage.models import StripeClosure


def close_stripe(session: Session, *, reason: str, actor_id: int | None, now: datetime) -> None:
    """Turn every ask to the other ways; raises Conflict where that is so already."""
    with transaction(session):
        values = {"closed_at": now, "closed_by": actor_id, "reason": reason, "place": 1}
        closed = session.scalar(
            insert_into(session, StripeClosure).values(**values).on_conflict_do_nothing().returning(StripeClosure.id),
        )
        if closed is None:
            raise Conflict("Stripe is switched off already.")
        audit.record(session, act="stripe.closed", subject=("stripe_closure", closed), actor_id=actor_id, now=now, reason=reason)
        raise_page_version(session)


def reopen_stripe(session: Session, *, actor_id: int | None, now: datetime) -> None:
    """Ask by card again; raises Conflict where Stripe is not switched off."""
    with transaction(session):
        lasting = select(StripeClosure).where(StripeClosure.place == 1).with_for_update()
        closure = session.scalar(lasting.execution_options(populate_existing=True))
        if closure is None:
            raise Conflict("Stripe is not switched off.")
        closure.reopened_at, closure.reopened_by, closure.place = now, actor_id, None
        audit.record(session, act="stripe.reopened", subject=("stripe_closure", closure.id), actor_id=actor_id, now=now)
        raise_page_version(session)
