"""The real app, but that Stripe answers from memory and at once: what is left is our own part of a webhook."""

import os

from membership.app import create_app
from membership.config import read_settings
from membership.logs import configure_logs
from membership.patronage.gateway import Gateway
from membership.patronage.shapes import SubscriptionFacts, read_charge, read_subscription
from tests.benchmarks.renewals import ACCOUNT, Renewal


class GatewayFromMemory(Gateway):
    """Knows every subscription by its number."""

    def fetch_subscription(self, subscription_id: str) -> SubscriptionFacts:
        """Answer what Stripe would, without asking."""
        renewal = Renewal(int(subscription_id.removeprefix("sub_")))
        months = (1, 0)  # Stripe's lists begin with the newest
        charges = [read_charge(renewal.charge(month)) for month in months]
        return read_subscription(renewal.subscription(), [renewal.invoice(month) for month in months], charges, account=ACCOUNT)


configure_logs()
app = create_app(read_settings(os.environ))
app.extensions["quick_gateway"] = GatewayFromMemory(app.extensions["kernel"].settings)
