"""What patronage draws from state, each minute or when woken, and the mails of this feature."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from membership.accounts.models import Member
from membership.jobs import Job, JobContext
from membership.limits import forget_acts
from membership.outbox import Letter, OutboxItem, Prepare, forget_sent
from membership.patronage import (
    change_letters,
    giving_letters,
    money_letters,
    queries,
    reminder_letters,
    services,
    transfer_letters,
    twin_letters,
)
from membership.patronage.gateway import Gateway
from membership.patronage.leaving import may_withdraw, withdrawable_until
from membership.patronage.links import make_links
from membership.patronage.models import CheckoutAttempt, Payment, Subscription
from membership.patronage.receipts import facts_of
from membership.voting.sealed import settling_roll

# A quiet minute: votes open and close at full and half hours.
FORGETS_AT_MINUTE = 23
# While a ballot box waits for first payments, Stripe is asked about them twice an hour.
SETTLES_AT_MINUTES = (11, 41)


def jobs(context: JobContext, gateway: Gateway) -> Sequence[Job]:
    """Return the repeatable jobs."""

    def job(name: str, work: Callable[[Session, datetime], object]) -> Job:
        def run() -> object:
            with context.sessions() as session:
                return work(session, context.clock.now())

        return Job(name, run)

    # What works for long asks the clock itself.
    clock = context.clock.now
    return (
        job("events", lambda session, _: services.sweep_events(session, gateway, now=clock)),
        job("first_payments", lambda session, now: _settle_votes(session, gateway, now)),
        job("seats", lambda session, now: services.draw_seats_from_pool(session, now=now)),
        job("twins", lambda session, now: services.notice_twins(session, now=now)),
        job("duplicates", lambda session, now: services.end_duplicates(session, gateway, now=now)),
        job("withdrawals", lambda session, now: services.finish_withdrawals(session, gateway, now=now)),
        job("addresses", lambda session, _: services.push_addresses(session, gateway)),
        job("refunds", lambda session, now: services.carry_out_refunds(session, gateway, now=now)),
        # After what gives money back, which may need Stripe's customer.
        job("closures", lambda session, now: services.confirm_closures(session, gateway, now=now)),
        job("closed_payers", lambda session, now: services.redact_closed(session, gateway, now=now)),
        job("reminders", lambda session, now: services.remind(session, now=now)),
        job("reconcile", lambda session, now: _compare_with_stripe(session, gateway, now, clock)),
        job("money_checks", lambda session, now: services.check_money_daily(session, now=now)),
        job("forget_requests", _forget_requests),
        job("forget_old", _forget_old),
    )


def _compare_with_stripe(session: Session, gateway: Gateway, now: datetime, clock: Callable[[], datetime]) -> int:
    services.request_nightly(session, now=now)
    return int(services.carry_out_reconcile(session, gateway, now=clock) is not None)


def _settle_votes(session: Session, gateway: Gateway, now: datetime) -> int:
    """Ask Stripe about the pending first payments of whoever could vote in a vote whose box waits, whether they did or not."""
    if now.minute not in SETTLES_AT_MINUTES:
        return 0
    return services.sync_first_payments(session, gateway, member_ids=settling_roll(session), now=now)


def _forget_requests(session: Session, now: datetime) -> int:
    """Delete what was asked for or counted a while ago, addresses included."""
    forgotten = services.forget_seat_requests(session, now=now) + services.forget_unused_references(session, now=now)
    forgotten += services.forget_patreon_drafts(session, now=now)
    return forgotten + forget_acts(session, now=now) + services.forget_cancel_requests(session, now=now)


def _forget_old(session: Session, now: datetime) -> int:
    """Delete or empty what has been kept for months; once an hour, because whole tables are looked through for it."""
    if now.minute != FORGETS_AT_MINUTE:
        return 0
    forgotten = services.forget_events(session, now=now) + services.forget_attempts(session, now=now)
    forgotten += services.forget_waiting_transfers(session, now=now) + services.gather_old_articles(session, now=now)
    return forgotten + forget_sent(session, now=now)


def letters(context: JobContext) -> Mapping[str, Prepare]:
    """Return how to prepare each kind of mail of this feature."""
    return {
        "welcome": partial(_prepare_welcome, secret_key=context.settings.secret_key),
        **change_letters.letters(context),
        **giving_letters.letters(context),
        **money_letters.letters(context),
        **transfer_letters.letters(context),
        **reminder_letters.letters(context),
        **twin_letters.letters(context),
    }


def _prepare_welcome(session: Session, payload: Mapping[str, Any], now: datetime, *, secret_key: str) -> Letter | None:
    """Prepare the receipt of one payment; the first one welcomes. Nothing if nobody can be written to."""
    payment = session.get(Payment, payload["payment_id"])
    member = session.get(Member, payment.member_id) if payment and payment.member_id else None
    address = member.address if member else None
    if payment is None or member is None or address is None:
        return None
    subscription = session.get(Subscription, payment.subscription_id) if payment.subscription_id else None
    attempt = session.get(CheckoutAttempt, payment.attempt_id) if payment.attempt_id else None
    first = min(queries.payments_of(session, member.id), key=lambda other: (other.occurred_at, other.id))
    context = {
        **facts_of(payment),
        "interval": subscription.interval if subscription else "once",
        "next_on": subscription.current_period_end if subscription and subscription.cancel_at is None else None,
        "until": queries.standing_of(session, member.id, at=now).until,
        "address": address,
        "is_twin": queries.is_twin(session, member),
        "is_first": payment.id == first.id,
        "mends": _mends(session, payment, subscription),
        "links": _links(attempt, subscription, secret_key, now),
        "withdrawable_until": withdrawable_until(attempt) if attempt and may_withdraw(attempt, now) else None,
    }
    return Letter(address, "welcome", member.language, context)


def _mends(session: Session, payment: Payment, subscription: Subscription | None) -> bool:
    """Return whether this payment mends one of which its payer was told that it failed: nothing needs them any more."""
    if subscription is None or subscription.attention is not None:
        return False
    own = [each.occurred_at for each in queries.payments_of(session, payment.member_id or 0) if each.kind == "charge"]
    before = max((at for at in own if at < payment.occurred_at), default=None)
    if before is None:
        return False
    told = select(OutboxItem.payload).where(
        OutboxItem.kind == "payment_failed", OutboxItem.member_id == payment.member_id, OutboxItem.created_at > before
    )
    return any(payload["subscription_id"] == subscription.stripe_id for payload in session.scalars(told))


def _links(attempt: CheckoutAttempt | None, subscription: Subscription | None, secret_key: str, now: datetime) -> Mapping[str, str]:
    """Return a receipt's links; what was paid once can only be withdrawn from."""
    links = make_links(secret_key, attempt.link_key, now=now) if attempt else {}
    return links if subscription else {purpose: link for purpose, link in links.items() if purpose == "stop"}
