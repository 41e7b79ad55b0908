"""What patronage knows of one person, for that person."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from membership.accounts.queries import get_member
from membership.articles.models import Article
from membership.patronage.models import (
    BankTransfer,
    CancelRequest,
    CheckoutAttempt,
    DeclinedCharge,
    Dispute,
    DuplicateSubscription,
    FreeSeatRequest,
    Gift,
    MemberNote,
    PaidPeriod,
    PatreonMember,
    Payment,
    RefundOrder,
    StripeCustomer,
    Subscription,
    TransferReference,
    TwinNotice,
)
from membership.personal_rows import PersonalData, rows_of, with_names


def personal_data(session: Session, member_id: int) -> PersonalData:
    """Return what somebody paid and what they are by it. What goes by an address goes by the proved one alone."""
    email = get_member(session, member_id).email or "-"  # nobody's address
    attempts = or_(CheckoutAttempt.member_id == member_id, CheckoutAttempt.buyer_email == email)
    subscriptions = select(Subscription.stripe_id).where(Subscription.member_id == member_id)
    bought = select(CheckoutAttempt.id).where(attempts)
    twins = or_(TwinNotice.member_id == member_id, TwinNotice.earlier_member_id == member_id)
    found = {
        **rows_of(session, PaidPeriod, PaidPeriod.member_id == member_id),
        **rows_of(session, Subscription, Subscription.member_id == member_id),
        **rows_of(session, Payment, Payment.member_id == member_id),
        **rows_of(session, DeclinedCharge, DeclinedCharge.member_id == member_id),
        **rows_of(session, Dispute, Dispute.member_id == member_id),
        **rows_of(session, RefundOrder, RefundOrder.member_id == member_id),
        **rows_of(session, DuplicateSubscription, DuplicateSubscription.subscription_id.in_(subscriptions)),
        **rows_of(session, CheckoutAttempt, attempts),
        **rows_of(session, StripeCustomer, StripeCustomer.member_id == member_id),
        **rows_of(session, Gift, or_(Gift.redeemed_by == member_id, Gift.attempt_id.in_(bought))),
        **rows_of(session, FreeSeatRequest, or_(FreeSeatRequest.member_id == member_id, FreeSeatRequest.email == email)),
        **rows_of(session, TransferReference, or_(TransferReference.member_id == member_id, TransferReference.email == email)),
        **rows_of(session, BankTransfer, BankTransfer.member_id == member_id),
        **rows_of(session, PatreonMember, PatreonMember.member_id == member_id),
        **rows_of(session, TwinNotice, twins),
        **rows_of(session, CancelRequest, CancelRequest.email == email),
        **rows_of(session, MemberNote, MemberNote.member_id == member_id),
    }
    currencies = {row["reference"]: row["currency"] for row in found["payment"]}
    found["refund_order"] = [{**row, "currency": currencies.get(row["charge_reference"], "")} for row in found["refund_order"]]
    return _with_headlines(session, found)


def _with_headlines(session: Session, found: PersonalData) -> PersonalData:
    """Say which article a row names, beside its number."""
    ids = {row["article_id"] for rows in found.values() for row in rows if row.get("article_id")}
    named = session.execute(select(Article.id, Article.headline).where(Article.id.in_(ids)))
    headlines = {row.id: row.headline for row in named}
    return {
        table: with_names(rows, "article_id", headlines, as_="article") if rows and "article_id" in rows[0] else rows
        for table, rows in found.items()
    }
