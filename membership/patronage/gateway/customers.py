"""Customers at Stripe."""

from membership.patronage.gateway.connection import Connection, translated


class Customers(Connection):
    """Tells Stripe who a customer is, and that it shall forget one."""

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer for good, with what it is charged by; its payments stay. NotFound: it is deleted already."""
        with translated():
            self._stripe.v1.customers.delete(customer_id)

    def update_customer_email(self, customer_id: str, email: str, *, key: str) -> None:
        """Set a customer's address; NotFound: the customer was deleted, Conflict: Stripe takes no such address."""
        with translated():
            self._stripe.v1.customers.update(customer_id, {"email": email}, {"idempotency_key": key})
