"""What is sold, as Stripe knows it: products and prices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import stripe

from membership.patronage.gateway.connection import Connection, one_key, translated

KEYS_PER_CALL = 10  # Stripe's own bound


@dataclass(frozen=True)
class Product:
    """A product as it is at Stripe, or as it should be."""

    id: str
    name: str
    descriptor: str | None
    active: bool = True


@dataclass(frozen=True)
class Price:
    """One amount, how often, of one product: what a price must be to stand under its lookup key."""

    product_id: str
    plan_key: str
    interval: str
    currency: str
    amount_minor: int

    @property
    def lookup_key(self) -> str:
        """The stable name, such as membership-main-month-eur-500."""
        return f"membership-{self.plan_key}-{self.interval}-{self.currency}-{self.amount_minor}"

    def is_sold_by(self, found: stripe.Price) -> bool:
        """Return whether this very amount is taken by a price at Stripe: a lookup key can be moved by hand."""
        interval = found.recurring.interval if found.recurring else "once"
        own = (self.product_id, self.interval, self.currency, self.amount_minor)
        return bool(found.active) and (found.product, interval, found.currency, found.unit_amount) == own


def product_id_of(plan_key: str) -> str:
    """Return the id of a plan's product: it follows from the plan's key."""
    return f"membership_{plan_key}"


class Catalogue(Connection):
    """Finds, creates and changes products and prices."""

    def find_product(self, product_id: str) -> Product | None:
        """Return a product as it is now."""
        with translated():
            try:
                found = self._stripe.v1.products.retrieve(product_id)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return None
        return Product(found.id, found.name, found.statement_descriptor, found.active)

    def wanted_product(self, *, key: str, name: str) -> Product:
        """Return what the product of a plan should be."""
        return Product(product_id_of(key), name, self._descriptor)

    def ensure_product(self, *, key: str, name: str) -> str:
        """Find or create the product of a plan; of two at once both get the same."""
        wanted = self.wanted_product(key=key, name=name)
        if self.find_product(wanted.id) is None:
            with translated():
                try:
                    self._stripe.v1.products.create(
                        {"id": wanted.id, "name": name, "statement_descriptor": self._descriptor},
                        {"idempotency_key": one_key("product", wanted)},
                    )
                except stripe.InvalidRequestError as error:
                    if error.code != "resource_already_exists":  # made meanwhile, under another name
                        raise
        return wanted.id

    def change_product(self, wanted: Product) -> None:
        """Bring name, statement descriptor and being active of a product up to date."""
        with translated():
            self._stripe.v1.products.update(
                wanted.id,
                {"name": wanted.name, "statement_descriptor": self._descriptor, "active": True},
            )

    def missing_prices(self, wanted: Sequence[Price]) -> list[Price]:
        """Return the prices that are not there yet, or not as they should be."""
        by_key = {price.lookup_key: price for price in wanted}
        found = {each.lookup_key for each in self._named(list(by_key)) if by_key[each.lookup_key or ""].is_sold_by(each)}
        return [price for key, price in by_key.items() if key not in found]

    def ensure_price(self, wanted: Price, *, is_retry: bool = False) -> str:
        """Find or create a price by its lookup key and return its id; of two at once both get the same.

        Raises NotFound where there is no such product: made since, it is a retry, for Stripe remembers the answer to the first try.
        """
        there = list(self._named([wanted.lookup_key]))
        for price in there:
            if wanted.is_sold_by(price):
                return price.id
        params: stripe.params.PriceCreateParams = {
            "product": wanted.product_id,
            "currency": wanted.currency,
            "unit_amount": wanted.amount_minor,
            "lookup_key": wanted.lookup_key,
            # A price that was put away, or made otherwise, by hand keeps its key: take it over.
            "transfer_lookup_key": True,
        }
        if wanted.interval != "once":
            params["recurring"] = {"interval": "year" if wanted.interval == "year" else "month"}
        # The same words for everybody who finds the same there: two at once make one price. Put away later, it is made anew.
        key = one_key("price", wanted, is_retry, *(price.id for price in there))
        with translated():
            return self._stripe.v1.prices.create(params, {"idempotency_key": key}).id

    def _named(self, lookup_keys: list[str]) -> Iterator[stripe.Price]:
        """Give the prices under these lookup keys, put away or not."""
        for start in range(0, len(lookup_keys), KEYS_PER_CALL):
            some = lookup_keys[start : start + KEYS_PER_CALL]
            with translated():
                found = self._stripe.v1.prices.list({"lookup_keys": some, "limit": 100}).data
            yield from found
