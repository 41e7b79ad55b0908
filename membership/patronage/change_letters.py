"""The mails about what a patron has changed, and the one with the way out for who is not signed in."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import JobContext
from membership.outbox import Letter, Prepare
from membership.patronage import contracts, leaving, queries
from membership.patronage.contracts import Contract
from membership.patronage.links import make_link
from membership.patronage.models import CancelRequest, CheckoutAttempt, Subscription

# What a mail says of a subscription, besides its links.
Say = Callable[[Session, Subscription, datetime], dict[str, Any] | None]
# Nobody waits longer than an hour for a mail that got stuck; it would only puzzle them.
SEND_WITHIN_SECONDS = 3600


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each of them."""
    secret_key = context.settings.secret_key

    def prepare(kind: str, say: Say) -> Prepare:
        def prepare_one(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
            return _about(session, payload["subscription_id"], kind=kind, say=say, secret_key=secret_key, now=now)

        return prepare_one

    def prepare_cancel_link(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
        return _prepare_cancel_link(session, payload["request_id"], secret_key=secret_key, now=now)

    return {
        "stopped": prepare("stopped", _say_stopped),
        "paused": prepare("paused", _say_paused),
        "amount_changed": prepare("amount_changed", _say_changed),
        "withdrawn": _prepare_withdrawn,
        "cancel_link": prepare_cancel_link,
    }


def _about(session: Session, subscription_id: str, *, kind: str, say: Say, secret_key: str, now: datetime) -> Letter | None:
    """Prepare a mail about one support as it is now; nothing if nobody can be written to, or if it was taken back since."""
    subscription = session.get(Subscription, subscription_id, populate_existing=True)
    member = session.get(Member, subscription.member_id) if subscription and subscription.member_id else None
    attempt = session.get(CheckoutAttempt, subscription.attempt_id) if subscription and subscription.attempt_id else None
    address = member.address if member else None
    said = say(session, subscription, now) if subscription else None
    if subscription is None or member is None or address is None or said is None:
        return None
    link = make_link(secret_key, "stop", attempt.link_key, now=now) if attempt else None
    support = {"amount_minor": subscription.amount_minor, "currency": subscription.currency, "interval": subscription.interval}
    return Letter(address, kind, member.language, {**support, "stop_link": link, **said})


def _say_stopped(session: Session, stopped: Subscription, now: datetime) -> dict[str, Any] | None:
    if stopped.cancel_at is None and stopped.ended_at is None:
        return None
    assert stopped.member_id is not None
    standing = queries.standing_of(session, stopped.member_id, at=now)
    can_resume = stopped.ended_at is None
    return {"until": standing.until if standing.may_vote else None, "can_resume": can_resume}


def _say_paused(session: Session, paused: Subscription, now: datetime) -> dict[str, Any] | None:
    if not paused.is_paused or paused.resumes_at is None:
        return None
    assert paused.member_id is not None
    standing = queries.standing_of(session, paused.member_id, at=now)
    return {
        "resumes_at": paused.resumes_at,
        "next_payment": leaving.first_payment_from(paused, paused.resumes_at),
        "until": standing.until if standing.may_vote else None,
    }


def _say_changed(session: Session, changed: Subscription, now: datetime) -> dict[str, Any] | None:
    return {"next_on": changed.current_period_end} if changed.cancel_at is None and changed.ended_at is None else None


def _prepare_withdrawn(session: Session, payload: Mapping[str, Any], now: datetime) -> Letter | None:
    """Confirm a withdrawal with its date and time: whoever withdrew can show it."""
    attempt = session.get(CheckoutAttempt, UUID(payload["attempt_id"]), populate_existing=True)
    if attempt is None or attempt.withdrawn_at is None:
        return None
    member = session.get(Member, attempt.member_id) if attempt.member_id else None
    address = member.address if member else attempt.buyer_email
    if address is None:
        return None
    charges = contracts.charges_of_attempt(session, attempt.id)
    context = {
        "withdrawn_at": attempt.withdrawn_at,
        "paid_at": attempt.paid_at,
        "currency": attempt.currency,
        "total_minor": sum(charge.amount_minor for charge in charges),
        "references": [charge.reference for charge in charges],
    }
    return Letter(address, "withdrawn", member.language if member else attempt.language, context)


def _prepare_cancel_link(session: Session, request_id: int, *, secret_key: str, now: datetime) -> Letter | None:
    """Prepare the way out of all that runs under an address; to who has nothing here it says so."""
    request = session.get(CancelRequest, request_id)
    if request is None or (now - request.requested_at).total_seconds() > SEND_WITHIN_SECONDS:
        return None
    found = contracts.contracts_of_mailbox(session, request.email, at=now)
    language = contracts.language_of_mailbox(session, request.email) if found else None
    rows = [_row(contract, secret_key, now) for contract in found]
    return Letter(request.email, "cancel_link", language or request.language, {"contracts": rows})


def _row(contract: Contract, secret_key: str, now: datetime) -> dict[str, Any]:
    attempt, running = contract.attempt, contract.running
    return {
        "amount_minor": running.amount_minor if running else attempt.amount_minor,
        "currency": running.currency if running else attempt.currency,
        "interval": running.interval if running else "once",
        "begun_on": attempt.paid_at or attempt.created_at,
        "withdrawable_until": leaving.withdrawable_until(attempt) if leaving.may_withdraw(attempt, now) else None,
        "link": make_link(secret_key, "stop", attempt.link_key, now=now),
    }
