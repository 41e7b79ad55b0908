"""Money and what it gives. Stripe is the truth for cards and subscriptions: what carries its ids here is its projection."""

from membership.patronage.models.buying import INTERVALS, PURPOSES, CheckoutAttempt, Gift, Plan, StripeCustomer
from membership.patronage.models.giving import (
    BankImport,
    BankTransfer,
    FreeSeatRequest,
    PatreonImport,
    PatreonMember,
    SeatPoolEntry,
    TransferReference,
)
from membership.patronage.models.keeping import MoneyCheckRun, ReconcileRun, StripeClosure, StripeEvent
from membership.patronage.models.money import DeclinedCharge, Dispute, PaidPeriod, Payment, RefundOrder, Subscription
from membership.patronage.models.people import CancelRequest, DuplicateSubscription, MemberNote, TwinNotice
from membership.patronage.models.reading import ArticleMonth

__all__ = [
    "INTERVALS",
    "PURPOSES",
    "ArticleMonth",
    "BankImport",
    "BankTransfer",
    "CancelRequest",
    "CheckoutAttempt",
    "DeclinedCharge",
    "Dispute",
    "DuplicateSubscription",
    "FreeSeatRequest",
    "Gift",
    "MemberNote",
    "MoneyCheckRun",
    "PaidPeriod",
    "PatreonImport",
    "PatreonMember",
    "Payment",
    "Plan",
    "ReconcileRun",
    "RefundOrder",
    "SeatPoolEntry",
    "StripeClosure",
    "StripeCustomer",
    "StripeEvent",
    "Subscription",
    "TransferReference",
    "TwinNotice",
]
