"""The mails about who pays twice: to the mailbox of an address typed again, and to whom a second support was given back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import twins
from membership.patronage.links import make_link


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""

    def prepare_twin(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return _prepare_twin(session, UUID(payload["key"]), secret_key=context.settings.secret_key, now=now)

    return {"twin": prepare_twin, "duplicate_refunded": _prepare_duplicate}


def _prepare_twin(session: Session, key: UUID, *, secret_key: str, now: datetime) -> Letter | None:
    """Ask a mailbox whether the newer membership under its address is its own too; nothing if that was corrected since."""
    notice = twins.find_notice(session, key)
    if notice is None or notice.decision is not None:
        return None
    earlier = session.get_one(Member, notice.earlier_member_id)
    later = session.get_one(Member, notice.member_id)
    address = earlier.address
    if address is None or later.typed_email != address:
        return None
    return Letter(address, "twin", earlier.language, {"address": address, "token": make_link(secret_key, "twin", key, now=now)})


def _prepare_duplicate(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Tell why one of two supports has ended, and what goes back."""
    ended = twins.get_duplicate(session, payload["subscription_id"])
    member = session.get(Member, ended.subscription.member_id) if ended.subscription.member_id else None
    address = member.address if member else None
    if member is None or address is None:
        return None
    back_minor = sum(charge.amount_minor for charge in ended.charges if charge.reference in payload["charges"])
    return Letter(address, "duplicate_refunded", member.language, {"ended": ended, "back_minor": back_minor})
