"""A patron gives another card, on Stripe's own page, and what is overdue is paid with it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from membership.db import release
from membership.errors import Conflict, NotFound
from membership.patronage import contracts
from membership.patronage.entitlement import LIVE
from membership.patronage.gateway import Declined, Gateway
from membership.patronage.gateway.connection import one_key
from membership.patronage.models import Subscription
from membership.patronage.services.stopping import fetch_support, record_act
from membership.patronage.services.syncing import sync_subscription

# Stripe's words for a bank that wants its customer to confirm.
CONFIRMATION = frozenset(
    {"authentication_required", "invoice_payment_intent_requires_action", "subscription_payment_intent_requires_action"},
)


@dataclass(frozen=True)
class CardPage:
    """Where to send somebody for a new card, and which card pays until then."""

    url: str
    card_before: str


def open_card_page(
    session: Session, gateway: Gateway, *, subscription_id: str, return_url: str, language: str, actor_id: int | None, now: datetime
) -> CardPage:
    """Open Stripe's page for a new card; raises NotFound, Conflict, Unavailable."""
    running = contracts.get_subscription(session, subscription_id)
    release(session)
    if running.status not in LIVE or running.stripe_customer_id is None:
        raise NotFound("This support has ended, so no card is needed. You can start again with any card.")
    record_act(session, "card.change_asked", running, actor_id, now)
    before = gateway.fetch_cards(subscription_id)
    url = gateway.card_page_url(running.stripe_customer_id, return_url=return_url, language=language)
    return CardPage(url, before.charged or before.newest or "")


def finish_card_change(
    session: Session, gateway: Gateway, *, subscription_id: str, card_before: str, actor_id: int | None, now: datetime
) -> str:
    """Let a card that was given since be charged, and pay what is overdue with it at once.

    Returns unchanged (no new card was given), changed, paid, declined or confirm (the bank wants its customer to confirm). Raises
    NotFound, Unavailable. Safe to repeat.
    """
    cards = gateway.fetch_cards(subscription_id)
    if cards.newest is None or cards.newest == card_before:
        return "unchanged"
    running = fetch_support(session, gateway, subscription_id, now)
    if running.status not in LIVE:
        return "unchanged"
    if cards.newest != cards.charged:
        # A card of the subscription's own would go before the customer's new one.
        record_act(session, "card.changed", running, actor_id, now)
        gateway.charge_card(running.stripe_id, cards.newest, key=one_key("card", running.stripe_id, running.claim, cards.newest))
    outcome = _pay_what_is_open(gateway, running, cards.newest)
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)
    return outcome


def _pay_what_is_open(gateway: Gateway, running: Subscription, card_id: str) -> str:
    open_invoices = gateway.open_invoices_of(running.stripe_id)
    try:
        for invoice_id in open_invoices:
            key = one_key("pay", invoice_id, card_id, running.claim)
            gateway.pay_open_invoice(invoice_id, card_id=card_id, key=key)
    except Declined as declined:
        return "confirm" if declined.code in CONFIRMATION else "declined"
    except Conflict:  # voided in this moment, or the bank works on it
        return "changed"
    return "paid" if open_invoices else "changed"
