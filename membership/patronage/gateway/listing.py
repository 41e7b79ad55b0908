"""All that a Stripe account has of ours, to be compared with what we believe."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from membership.patronage.gateway.connection import Connection, translated
from membership.patronage.shapes import Checkout, read_attempt, read_checkout
from membership.patronage.signature import ParsedEvent, read_event


@dataclass(frozen=True)
class ListedSubscription:
    """A subscription that carries our metadata."""

    id: str
    attempt: str


class Listing(Connection):
    """Lists whole kinds of objects, oldest last, a hundred at a time; foreign ones are left out."""

    def list_subscriptions(self) -> Iterator[ListedSubscription]:
        """Give every subscription that carries our metadata, ended ones too."""
        with translated():
            for found in self._stripe.v1.subscriptions.list({"status": "all", "limit": 100}).auto_paging_iter():
                attempt = read_attempt(found.to_dict())
                if attempt:
                    yield ListedSubscription(found.id, attempt)

    def list_checkouts(self) -> Iterator[Checkout]:
        """Give every Checkout session that carries our metadata, whatever became of it."""
        with translated():
            for found in self._stripe.v1.checkout.sessions.list({"limit": 100}).auto_paging_iter():
                checkout = read_checkout(found.to_dict())
                if checkout.attempt:
                    yield checkout

    def list_events(self, since: datetime) -> Iterator[ParsedEvent]:
        """Give what happened since then, of the last thirty days; delivered to us or not."""
        with translated():
            happened = self._stripe.v1.events.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
            for found in happened.auto_paging_iter():
                yield read_event(found.to_dict())
