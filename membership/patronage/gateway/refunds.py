"""Money that goes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from membership.errors import Conflict
from membership.patronage.gateway.connection import Connection, translated

ORDER = "order"  # a refund's metadata: the id of our own order


class RefundRefused(Conflict):
    """Stripe gives nothing back, for good; code is its reason, such as charge_already_refunded."""

    def __init__(self, code: str) -> None:
        super().__init__("Stripe refused to give this back.")
        self.code = code


@dataclass(frozen=True)
class MadeRefund:
    """What became of one order at Stripe."""

    id: str
    status: str  # pending, succeeded, failed, …


class Refunds(Connection):
    """Gives money back."""

    def refund(self, charge_id: str, *, amount_minor: int | None, order: str) -> MadeRefund:
        """Give back an amount of a charge, or all that is left; the same order gives back once. Raises RefundRefused.

        An idempotency key is forgotten after some time, so an order that was carried out already is looked for first.
        """
        with translated():
            for made in self._stripe.v1.refunds.list({"charge": charge_id, "limit": 100}).auto_paging_iter():
                if _metadata(made.to_dict()).get(ORDER) == order:
                    return MadeRefund(made.id, made.status or "")
            params: stripe.params.RefundCreateParams = {"charge": charge_id, "metadata": {ORDER: order}}
            if amount_minor is not None:
                params["amount"] = amount_minor
            try:
                made = self._stripe.v1.refunds.create(params, {"idempotency_key": f"refund-{order}"})
            except stripe.InvalidRequestError as error:
                raise RefundRefused(error.code or "invalid_request") from error
            return MadeRefund(made.id, made.status or "")


def _metadata(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("metadata")
    return found if isinstance(found, Mapping) else {}
