"""The mails before a payment: what is taken, when and from which card, and how to change it without signing in."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import queries, services
from membership.patronage.links import make_links
from membership.patronage.models import CheckoutAttempt, Subscription
from membership.patronage.renewals import card_expires_first, is_to_be_told, next_payment


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""
    kinds = (services.BEFORE_RENEWAL, services.CARD_EXPIRES)
    return {kind: partial(_prepare, kind=kind, secret_key=context.settings.secret_key) for kind in kinds}


def _prepare(session: Session, payload: Mapping[str, Any], now: datetime, *, kind: str, secret_key: str) -> Letter | None:
    """Prepare a reminder; nothing if it stopped, paused, got another card or was paid since."""
    row = session.get(Subscription, payload["subscription_id"], populate_existing=True)
    member = session.get(Member, row.member_id) if row is not None and row.member_id else None
    address = member.address if member else None
    if row is None or member is None or address is None or queries.find_stripe_closure(session) is not None:
        return None
    if not is_to_be_told(row, now) or services.reminder_key(row, now) != payload["key"]:
        return None
    attempt = session.get(CheckoutAttempt, row.attempt_id) if row.attempt_id else None
    context = {
        "support": row,
        "due_at": next_payment(row, now),
        "card_expires_first": card_expires_first(row, now),
        "links": make_links(secret_key, attempt.link_key, now=now) if attempt else {},
    }
    return Letter(address, kind, member.language, context)
