"""The account and what bank statements show."""

import json
from typing import Any

import pytest

from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.annotation_check import faults
from tests.stripe_standin.factories import make_charge, make_subscription


def descriptor(client: Any) -> str:
    return str(client.v1.accounts.retrieve_current().settings.payments.statement_descriptor)


@pytest.mark.parametrize("text", ["", "FOUR", "A" * 23, "12345", "NEWS*ROOM", "NEWSRÖOM"])
def test_a_statement_descriptor_that_stripe_refuses(standin: StandInServer, client: Any, text: str) -> None:
    with pytest.raises(ValueError, match="statement-descriptor: 400"):
        standin.control("statement-descriptor", text=text)
    assert descriptor(client) == "STAND-IN DEMO"


def test_the_account_says_what_bank_statements_show(standin: StandInServer, client: Any) -> None:
    before = make_charge(standin, client)

    standin.control("statement-descriptor", text="KYIV NEWSROOM")

    after = make_charge(standin, client)
    told = client.v1.events.list({"type": "account.updated"}).data[0].to_dict()["data"]["previous_attributes"]
    assert descriptor(client) == "KYIV NEWSROOM"
    assert [c.calculated_statement_descriptor for c in (before, after)] == ["STAND-IN DEMO", "KYIV NEWSROOM"]
    assert told == {"settings": {"payments": {"statement_descriptor": "STAND-IN DEMO"}}}
    assert faults(json.loads(str(client.v1.accounts.retrieve_current()))) == []


def test_a_products_own_descriptor_goes_before_the_accounts(standin: StandInServer, client: Any) -> None:
    product = client.v1.products.create({"name": "Patron"})
    client.v1.products.update(product.id, {"statement_descriptor": "NEWSROOM PATRON"})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "eur", "unit_amount": 500, "recurring": {"interval": "month"}}
    )
    make_subscription(standin, client, price)
    assert client.v1.charges.list().data[0].calculated_statement_descriptor == "NEWSROOM PATRON"
