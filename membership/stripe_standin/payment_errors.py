"""How a refused payment is told to an API caller."""

from membership.stripe_standin.declines import refused
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.invoices import payment_of
from membership.stripe_standin.store import Ledger


def payment_refused(ledger: Ledger, invoice: Json, *, keep: bool) -> ApiError:
    """Return the 402 of an invoice that was not paid; keep says whether the attempt stays on the books."""
    intent = ledger.get("payment_intent", payment_of(ledger, invoice)["payment"]["payment_intent"])
    return refused(intent, keep=keep)
