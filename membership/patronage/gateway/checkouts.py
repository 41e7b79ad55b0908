"""Stripe's hosted payment page."""

from dataclasses import dataclass

import stripe

from membership.patronage.gateway.connection import Account, Connection, translated
from membership.patronage.shapes import ATTEMPT, Checkout, read_checkout

LONGEST_STATEMENT, LONGEST_PREFIX, JOINED_BY = 22, 10, "* "


@dataclass(frozen=True)
class NewCheckout:
    """What to sell: ids and amounts, and of the buyer only the attempt's opaque id."""

    attempt: str
    price_id: str
    interval: str
    success_url: str
    cancel_url: str
    language: str
    customer_id: str | None = None


class Checkouts(Connection):
    """Opens, reads and ends Checkout sessions."""

    def create_checkout(self, new: NewCheckout) -> Checkout:
        """Open a Checkout session; the same attempt always opens the same one. NotFound: the customer or the price is gone."""
        params: stripe.params.checkout.SessionCreateParams = {
            "mode": "payment" if new.interval == "once" else "subscription",
            "line_items": [{"price": new.price_id, "quantity": 1}],
            "client_reference_id": new.attempt,
            "metadata": {ATTEMPT: new.attempt},
            "success_url": new.success_url,
            "cancel_url": new.cancel_url,
            # Stripe's pages have no Ukrainian: the browser's language is then the better guess.
            "locale": "en" if new.language == "en" else "auto",
        }
        if new.interval == "once":
            params["payment_intent_data"] = self._single_payment(new.attempt)
        else:
            params["subscription_data"] = {"metadata": {ATTEMPT: new.attempt}}
        if new.customer_id:
            params["customer"] = new.customer_id
        # Asked again as a guest, because the customer is gone, it is another question.
        key = f"checkout-{new.attempt}" + ("-known" if new.customer_id else "")
        with translated():
            created = self._stripe.v1.checkout.sessions.create(params, {"idempotency_key": key})
        return read_checkout(created.to_dict())

    def fetch_checkout(self, session_id: str) -> Checkout:
        """Return a Checkout session as it is now."""
        # Of a payment that takes days only its intent says whether it may still come.
        with translated():
            return read_checkout(self._stripe.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]}).to_dict())

    def expire_checkout(self, session_id: str) -> None:
        """End an open Checkout session, so that nobody can pay it any more; Conflict: it is paid or has expired."""
        with translated():
            self._stripe.v1.checkout.sessions.expire(session_id)

    def statement_of_single_payments(self) -> str | None:
        """Return what bank statements show of a single payment by card; None where our key may not ask."""
        account = self.account()
        suffix = statement_suffix(account, self._descriptor)
        return f"{_prefix(account)}{JOINED_BY}{suffix}" if suffix else account.descriptor or None

    def _single_payment(self, attempt: str) -> stripe.params.checkout.SessionCreateParamsPaymentIntentData:
        data: stripe.params.checkout.SessionCreateParamsPaymentIntentData = {"metadata": {ATTEMPT: attempt}}
        suffix = statement_suffix(self.account(), self._descriptor)
        if suffix:
            data["statement_descriptor_suffix"] = suffix
        return data


def statement_suffix(account: Account, descriptor: str) -> str | None:
    """Return what a single payment by card adds to the account's own text on a bank statement; None if that says it already.

    Stripe takes no statement text of a single card payment's own, only this: "PREFIX* SUFFIX", 22 characters in all, each with a
    letter. https://docs.stripe.com/get-started/account/statement-descriptors#dynamic
    """
    if not account.id or account.descriptor.casefold() == descriptor.casefold():
        return None
    prefix = _prefix(account)
    said = len(prefix) if descriptor.casefold().startswith(prefix.casefold()) else 0
    suffix = descriptor[said:].strip(" -.")[: LONGEST_STATEMENT - len(prefix) - len(JOINED_BY)].strip()
    return suffix if any(character.isascii() and character.isalpha() for character in suffix) else None


def _prefix(account: Account) -> str:
    return account.prefix or account.descriptor[:LONGEST_PREFIX]
