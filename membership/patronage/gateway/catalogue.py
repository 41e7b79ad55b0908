"""What is sold, as Stripe knows it: products and prices."""

import stripe

from membership.patronage.gateway.connection import Connection, translated


class Catalogue(Connection):
    """Finds or creates products and prices."""

    def ensure_product(self, *, key: str, name: str) -> str:
        """Find or create the product of a plan; its id follows from the plan's key."""
        product_id = f"membership_{key}"
        with translated():
            try:
                return self._stripe.v1.products.retrieve(product_id).id
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
            return self._stripe.v1.products.create(
                {"id": product_id, "name": name, "statement_descriptor": self._descriptor},
                {"idempotency_key": product_id},
            ).id

    def ensure_price(self, *, product_id: str, plan_key: str, interval: str, currency: str, amount_minor: int, attempt: str) -> str:
        """Find or create a price by its lookup key, such as membership-main-month-eur-500; of two at once both get the same."""
        lookup_key = f"membership-{plan_key}-{interval}-{currency}-{amount_minor}"
        with translated():
            for price in self._stripe.v1.prices.list({"lookup_keys": [lookup_key], "active": True, "limit": 1}).data:
                return price.id
            params: stripe.params.PriceCreateParams = {
                "product": product_id,
                "currency": currency,
                "unit_amount": amount_minor,
                "lookup_key": lookup_key,
                # A price that was put away by hand keeps its key: take it over.
                "transfer_lookup_key": True,
            }
            if interval != "once":
                params["recurring"] = {"interval": interval}
            return self._stripe.v1.prices.create(params, {"idempotency_key": f"price-{attempt}"}).id
