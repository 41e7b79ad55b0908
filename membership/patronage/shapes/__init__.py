"""Stripe's objects as we see them: small frozen facts, read from the pinned API's shapes and from older ones."""

from membership.patronage.shapes.charges import Booking, Charge, bookings_of, read_charge
from membership.patronage.shapes.checkouts import Checkout, read_checkout
from membership.patronage.shapes.disputes import DisputeFacts, Movement, read_dispute
from membership.patronage.shapes.failing import attention_of
from membership.patronage.shapes.invoices import Invoice, read_invoice
from membership.patronage.shapes.reading import ATTEMPT, Json, read_attempt, reference
from membership.patronage.shapes.refunds import Refund, read_refund
from membership.patronage.shapes.subscriptions import Card, SubscriptionFacts, read_card, read_subscription

__all__ = [
    "ATTEMPT",
    "Booking",
    "Card",
    "Charge",
    "Checkout",
    "DisputeFacts",
    "Invoice",
    "Json",
    "Movement",
    "Refund",
    "SubscriptionFacts",
    "attention_of",
    "bookings_of",
    "read_attempt",
    "read_card",
    "read_charge",
    "read_checkout",
    "read_dispute",
    "read_invoice",
    "read_refund",
    "read_subscription",
    "reference",
]
