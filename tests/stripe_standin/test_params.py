"""What the SDK's types do not know is refused, and nothing is ignored in silence."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from membership.stripe_standin.form import Tree
from membership.stripe_standin.loopback import request
from membership.stripe_standin.params import read
from membership.stripe_standin.server import StandInServer
from tests.stripe_standin.factories import SUCCESS, make_price, make_session


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInServer]:
    """Share one server: a refused request leaves nothing behind."""
    with StandInServer(tmp_path_factory.mktemp("params")) as server:
        yield server


@pytest.fixture(scope="module")
def client(standin: StandInServer) -> Any:
    return standin.client()


def refusal(call: Callable[..., object], *args: object) -> tuple[int | None, str | None, str | None]:
    """Return status, code and param of the error that a call raises."""
    with pytest.raises(stripe.StripeError) as caught:
        call(*args)
    error = caught.value
    assert error.error is not None
    return error.http_status, error.code, error.error.param


def test_an_unknown_parameter_is_refused(client: Any) -> None:
    assert refusal(client.v1.customers.create, {"e_mail": "a@example.org"}) == (400, "parameter_unknown", "e_mail")


def test_an_unknown_nested_parameter_is_refused_by_its_full_name(client: Any) -> None:
    item = {"price": make_price(client).id, "amount": 5}
    session = {"mode": "subscription", "success_url": SUCCESS, "line_items": [item]}
    assert refusal(client.v1.checkout.sessions.create, session) == (400, "parameter_unknown", "line_items[0][amount]")


@pytest.mark.parametrize("option", ["api_key", "idempotency_key", "stripe_version", "stripe_account", "headers"])
def test_request_options_are_no_parameters(client: Any, option: str) -> None:
    assert refusal(client.v1.customers.create, {option: "x"}) == (400, "parameter_unknown", option)


def test_a_missing_required_parameter_is_refused(client: Any) -> None:
    assert refusal(client.v1.prices.create, {"unit_amount": 500}) == (400, "parameter_missing", "currency")


def test_a_missing_nested_parameter_is_refused(client: Any) -> None:
    price = {"currency": "eur", "unit_amount": 500, "product_data": {"unit_label": "seat"}}
    assert refusal(client.v1.prices.create, price) == (400, "parameter_missing", "product_data[name]")


@pytest.mark.parametrize("mode", ["donation", "Subscription", ""])
def test_enums_are_closed(client: Any, mode: str) -> None:
    status, _, param = refusal(client.v1.checkout.sessions.create, {"mode": mode, "success_url": SUCCESS})
    assert (status, param) == (400, "mode")


def test_enums_inside_arrays_are_closed(client: Any) -> None:
    endpoint = {"url": "http://127.0.0.1:1/", "enabled_events": ["checkout.session.complete"]}
    assert refusal(client.v1.webhook_endpoints.create, endpoint) == (400, None, "enabled_events[0]")


@pytest.mark.parametrize("amount", ["5.00", "five", "1e3", "٥", "99999999999999999999", "--5"])
def test_integers_are_integers(client: Any, amount: str) -> None:
    price = {"currency": "eur", "unit_amount": amount, "product_data": {"name": "Patron"}}
    assert refusal(client.v1.prices.create, price) == (400, "parameter_invalid_integer", "unit_amount")


def test_booleans_are_booleans(client: Any) -> None:
    assert refusal(client.v1.products.create, {"name": "Patron", "active": "yes"}) == (400, None, "active")


def test_a_hash_is_no_string_and_a_string_no_hash(client: Any) -> None:
    assert refusal(client.v1.customers.create, {"name": {"first": "A"}}) == (400, None, "name")
    assert refusal(client.v1.prices.create, {"currency": "eur", "recurring": "month"}) == (400, None, "recurring")
    assert refusal(client.v1.checkout.sessions.create, {"mode": "payment", "line_items": {"a": "b"}}) == (400, None, "line_items")


def test_an_empty_string_clears_only_what_may_be_cleared(client: Any) -> None:
    product = client.v1.products.create({"name": "Patron", "description": "Old", "metadata": {"a": "1", "b": "2"}})

    cleared = client.v1.products.update(product.id, {"description": "", "metadata": {"a": ""}})

    assert (cleared.description, cleared.metadata.to_dict()) == (None, {"b": "2"})
    assert client.v1.products.update(product.id, {"metadata": ""}).metadata.to_dict() == {}
    assert refusal(client.v1.products.update, product.id, {"name": ""}) == (400, "parameter_invalid_empty", "name")


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({"k" * 41: "v"}, f"metadata[{'k' * 41}]"),
        ({"k": "v" * 501}, "metadata[k]"),
        ({str(n): "v" for n in range(51)}, "metadata"),
    ],
)
def test_metadata_has_limits(client: Any, metadata: dict[str, str], param: str) -> None:
    assert refusal(client.v1.customers.create, {"metadata": metadata}) == (400, None, param)


def test_a_parameter_that_only_stripe_acts_on_is_refused_not_ignored(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"does not implement 'subscription_data\.trial_period_days'"):
        make_session(client, subscription_data={"trial_period_days": 7})
    with pytest.raises(stripe.InvalidRequestError, match="does not implement 'allow_promotion_codes'"):
        make_session(client, allow_promotion_codes=True)


def test_values_are_decoded_by_annotation() -> None:
    tree: Tree = {
        "currency": "eur",
        "unit_amount": "0500",
        "active": "false",
        "recurring": {"interval": "month", "interval_count": "3"},
        "metadata": {"n": "1"},
        "expand": {"1": "b", "0": "a"},
    }
    assert read(stripe.params.PriceCreateParams, tree) == {
        "currency": "eur",
        "unit_amount": 500,
        "active": False,
        "recurring": {"interval": "month", "interval_count": 3},
        "metadata": {"n": "1"},
        "expand": ["a", "b"],
    }


def test_malformed_parameter_names_are_refused(standin: StandInServer) -> None:
    headers = {"Authorization": f"Bearer {standin.secret_key}", "Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"name[=a", b"name=a&name[b]=c", b"metadata[a]=1&metadata=x", b"[a]=1"):
        assert request("POST", f"{standin.url}/v1/customers", body, headers).status == 400
