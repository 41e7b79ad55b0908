"""Payment intents: how one is made, given up and looked up."""

from dataclasses import dataclass

from stripe import params as p

from membership.stripe_standin.bank_debits import CURRENCY
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id, token
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

_CARD = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}


@dataclass(frozen=True)
class Payable:
    """What a payment is for."""

    amount: int
    currency: str
    customer: str | None
    metadata: Json
    description: str | None
    receipt_email: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    setup_future_usage: str | None = None


def new_payment_intent(ledger: Ledger, due: Payable) -> Json:
    """Create a payment intent that waits for a payment method."""
    key = new_id("payment_intent")
    intent = ledger.add(
        {
            "id": key,
            "object": "payment_intent",
            "amount": due.amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": "automatic_async",
            "client_secret": f"{key}_secret_{token(25)}",
            "confirmation_method": "automatic",
            "created": ledger.now,
            "currency": due.currency,
            "customer": due.customer,
            "description": due.description,
            "metadata": due.metadata,
            **_methods(due.currency),
            "receipt_email": due.receipt_email,
            "setup_future_usage": due.setup_future_usage,
            "statement_descriptor": due.statement_descriptor,
            "statement_descriptor_suffix": due.statement_descriptor_suffix,
            "status": "requires_payment_method",
        }
    )
    emit(ledger, "payment_intent.created", intent)
    return intent


def _methods(currency: str) -> Json:
    """Return how the intent may be paid: banks debit euros only."""
    if currency != CURRENCY:
        return {"payment_method_options": {"card": _CARD}, "payment_method_types": ["card"]}
    options = {"card": _CARD, "sepa_debit": {"mandate_options": {}}}
    return {"payment_method_options": options, "payment_method_types": ["card", "sepa_debit"]}


def cancel_intent(ledger: Ledger, intent: Json, reason: str) -> Json:
    """Give an unpaid intent up for good."""
    if intent["status"] in {"succeeded", "canceled"}:
        return intent
    ledger.schedule(intent["id"], None)
    changes = {"canceled_at": ledger.now, "cancellation_reason": reason, "next_action": None, "status": "canceled"}
    canceled = change(ledger, intent, None, **changes)
    emit(ledger, "payment_intent.canceled", canceled)
    return canceled


@operation("GET", "/v1/payment_intents/<intent_id>", p.PaymentIntentRetrieveParams, "payment_intent")
def retrieve_intent(ledger: Ledger, values: Json, intent_id: str) -> Json:
    """Return a payment intent."""
    return ledger.get("payment_intent", intent_id)


@operation("GET", "/v1/payment_intents", p.PaymentIntentListParams, "payment_intent", f"{PAGING} created customer")
def list_intents(ledger: Ledger, values: Json) -> Json:
    """List payment intents."""
    wanted = filters(ledger, values, "customer")
    rows = created_within(ledger.select("payment_intent", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/payment_intents", "payment_intent")
