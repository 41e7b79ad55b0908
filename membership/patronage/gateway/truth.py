"""What Stripe says is true: a subscription with its invoices, and the money behind them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import stripe

from membership.errors import NotFound
from membership.patronage.gateway.connection import Connection, translated
from membership.patronage.shapes import (
    Charge,
    DisputeFacts,
    Json,
    SubscriptionFacts,
    attention_of,
    read_attempt,
    read_charge,
    read_dispute,
    read_subscription,
    reference,
)
from membership.patronage.shapes.failing import DECLINED, FAILING
from membership.patronage.shapes.reading import has_more, inside, rows

_OF_A_REFUND = ("balance_transaction", "failure_balance_transaction")
_OF_A_CHARGE = ("balance_transaction", *(f"refunds.data.{name}" for name in _OF_A_REFUND))


class Truth(Connection):
    """Reads; changes nothing. Somebody may wait, so each answer is asked for in as few calls as it takes."""

    def fetch_attempt_of(self, subscription_id: str) -> str | None:
        """Return the attempt that a subscription's metadata names; None for one that is not ours."""
        with translated():
            found = self._stripe.v1.subscriptions.retrieve(subscription_id)
        return read_attempt(found.to_dict())

    def fetch_subscription(self, subscription_id: str) -> SubscriptionFacts:
        """Return a subscription with all its invoices and the money behind them: three calls, more where something is wrong."""
        account = self.account_id()
        with translated():
            found = self._stripe.v1.subscriptions.retrieve(
                subscription_id, {"expand": ["customer", "default_payment_method"]}
            ).to_dict()
            invoices = self._invoices(subscription_id)
            charges = self._charges_behind(reference(found.get("customer")), invoices)
            facts = read_subscription(found, invoices, charges, account=account, method=self._method_of(found))
            return replace(facts, attention=self._attention(facts))

    def fetch_charge(self, charge_id: str) -> Charge:
        """Return a charge with its fee, refunds and disputes."""
        with translated():
            return self._whole(self._stripe.v1.charges.retrieve(charge_id, {"expand": list(_OF_A_CHARGE)}).to_dict())

    def fetch_charges_of_payment(self, payment_intent_id: str) -> list[Charge]:
        """Return every charge that was tried for one payment."""
        with translated():
            return self._charges({"payment_intent": payment_intent_id})

    def is_customer_deleted(self, customer_id: str) -> bool:
        """Return whether a customer is gone for good."""
        try:
            with translated():
                return bool(self._stripe.v1.customers.retrieve(customer_id).to_dict().get("deleted"))
        except NotFound:
            return True

    def _invoices(self, subscription_id: str) -> list[Json]:
        listed = self._stripe.v1.invoices.list({"subscription": subscription_id, "limit": 100, "expand": ["data.payments"]})
        bodies = [invoice.to_dict() for invoice in listed.auto_paging_iter()]
        return [self._with_all_lines(body) if has_more(body.get("lines")) else body for body in bodies]

    def _with_all_lines(self, invoice: dict[str, Any]) -> Json:
        """Return an invoice whose first page of lines may be nothing but prorations, with all of them."""
        lines = self._stripe.v1.invoices.line_items.list(invoice["id"], {"limit": 100}).auto_paging_iter()
        return {**invoice, "lines": {"data": [line.to_dict() for line in lines]}}

    def _charges_behind(self, customer_id: str | None, invoices: Iterable[Json]) -> list[Charge]:
        """Return all the charges of a customer; of one that Stripe lists nothing for any more, those that the invoices name."""
        if customer_id:
            try:
                return self._charges({"customer": customer_id})
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
        payments = (inside(row.get("payment")) for invoice in invoices for row in rows(invoice.get("payments")))
        intents = (reference(payment.get("payment_intent")) for payment in payments)
        return [charge for intent in intents if intent for charge in self._charges({"payment_intent": intent})]

    def _charges(self, which: stripe.params.ChargeListParams) -> list[Charge]:
        expand = [f"data.{name}" for name in _OF_A_CHARGE]
        found: Iterable[stripe.Charge] = self._stripe.v1.charges.list(
            {**which, "limit": 100, "expand": expand},
        ).auto_paging_iter()
        return [self._whole(charge.to_dict()) for charge in found]

    def _whole(self, body: Json) -> Charge:
        """Read a charge, with those of its refunds that were on no first page, and its disputes."""
        refunds = self._refunds(body["id"]) if has_more(body.get("refunds")) else None
        disputes = self._disputes(body["id"]) if body.get("disputed") or body.get("dispute") else ()
        return read_charge(body, refunds=refunds, disputes=disputes)

    def _refunds(self, charge_id: str) -> list[Json]:
        expand = [f"data.{name}" for name in _OF_A_REFUND]
        found = self._stripe.v1.refunds.list({"charge": charge_id, "limit": 100, "expand": expand}).auto_paging_iter()
        return [refund.to_dict() for refund in found]

    def _disputes(self, charge_id: str) -> list[DisputeFacts]:
        found = self._stripe.v1.disputes.list({"charge": charge_id, "limit": 100}).auto_paging_iter()
        return [read_dispute(dispute.to_dict()) for dispute in found]

    def _method_of(self, subscription: Json) -> Json | None:
        """Return what pays a subscription: its own method, else its customer's, which takes a call."""
        own = subscription.get("default_payment_method")
        if isinstance(own, dict):
            return own
        settings = inside(inside(subscription.get("customer")).get("invoice_settings"))
        method_id = reference(settings.get("default_payment_method"))
        return self._stripe.v1.payment_methods.retrieve(method_id).to_dict() if method_id else None

    def _attention(self, facts: SubscriptionFacts) -> str | None:
        bill = facts.open_invoice
        if facts.status not in FAILING or bill is None:
            return facts.attention
        if bill.payment_intent_id is None:
            return DECLINED
        intent = self._stripe.v1.payment_intents.retrieve(bill.payment_intent_id).to_dict()
        return attention_of(intent, card_expires=facts.card.expires if facts.card else None, tried_at=bill.created_at)
