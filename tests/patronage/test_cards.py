"""Another card: Stripe's own page takes it, and then it is what pays."""

from datetime import timedelta

import pytest

from membership.errors import NotFound, Unavailable
from membership.patronage import services
from membership.patronage.gateway import Gateway
from membership.patronage.models import Payment
from membership.stripe_standin.cards import AUTHENTICATION, FAILS_LATER, PAYS
from tests.conftest import NOW, SettingsMaker
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)
BACK = "http://localhost/account/card/done"


def opens(till: Till) -> services.CardPage:
    return services.open_card_page(
        till.session,
        till.gateway,
        subscription_id=till.subscription.stripe_id,
        return_url=BACK,
        language="en",
        actor_id=None,
        now=till.clock.now(),
    )


def comes_back(till: Till, opened: services.CardPage, gateway: Gateway | None = None) -> str:
    return services.finish_card_change(
        till.session,
        gateway or till.gateway,
        subscription_id=till.subscription.stripe_id,
        card_before=opened.card_before,
        actor_id=None,
        now=till.clock.now(),
    )


def gives(till: Till, number: str) -> str:
    """Give a card at Stripe and come back, some time later."""
    opened = opens(till)
    till.clock.instant += timedelta(minutes=2)
    assert till.stripe.change_card(opened.url, number) == BACK
    return comes_back(till, opened)


def renewal_fails(till: Till) -> None:
    till.clock.instant = NOW + MONTH - timedelta(hours=1)
    till.stripe.control("fail", id=till.subscription.stripe_id)
    till.sync(till.subscription.stripe_id)


def card_of(till: Till) -> str:
    """The last digits of the card that the subscription itself names."""
    subscription = till.stripe.client().v1.subscriptions.retrieve(
        till.subscription.stripe_id, {"expand": ["default_payment_method"]}
    )
    return str(subscription.to_dict()["default_payment_method"]["card"]["last4"])


def test_who_comes_back_without_a_card_changes_nothing_and_pays_nothing(till: Till) -> None:
    till.pays()
    renewal_fails(till)

    assert comes_back(till, opens(till)) == "unchanged"
    assert (till.subscription.status, len(till.table(Payment, "id"))) == ("past_due", 1)


def test_for_a_support_that_is_over_no_card_is_needed(till: Till) -> None:
    till.pays()
    opened = opens(till)
    till.stripe.change_card(opened.url, PAYS)
    till.stripe.control("cancel", id=till.subscription.stripe_id)
    assert comes_back(till, opened) == "unchanged"

    with pytest.raises(NotFound):
        opens(till)


@pytest.mark.parametrize("portal", ["replace", "keep"])
def test_the_new_card_is_what_pays_whatever_stripes_page_did(till: Till, portal: str) -> None:
    till.stripe.control("portal-cards", then=portal)
    till.pays()

    outcome = gives(till, AUTHENTICATION)

    assert (outcome, card_of(till), till.subscription.card_last4) == ("changed", "3155", "3155")
    assert len(till.table(Payment, "id")) == 1


def test_what_is_overdue_is_paid_at_once_and_once(till: Till) -> None:
    till.pays()
    renewal_fails(till)
    opened = opens(till)
    till.stripe.change_card(opened.url, PAYS)

    outcomes = [comes_back(till, opened), comes_back(till, opened)]

    assert outcomes == ["paid", "changed"]
    assert (till.subscription.status, len(till.table(Payment, "id"))) == ("active", 2)


@pytest.mark.parametrize(("card", "outcome"), [(FAILS_LATER, "declined"), (AUTHENTICATION, "confirm")])
def test_a_card_that_does_not_pay_either_is_said_and_another_one_may(till: Till, card: str, outcome: str) -> None:
    till.pays()
    renewal_fails(till)

    outcomes = [gives(till, card), gives(till, PAYS)]

    assert outcomes == [outcome, "paid"]
    assert till.subscription.status == "active"


def test_stripe_down_on_the_way_back_is_made_good_later(till: Till, make_settings: SettingsMaker) -> None:
    till.pays()
    renewal_fails(till)
    opened = opens(till)
    till.stripe.change_card(opened.url, PAYS)
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)

    with pytest.raises(Unavailable):
        comes_back(till, opened, nowhere)

    assert comes_back(till, opened) == "paid"


def test_stripes_page_does_cards_and_nothing_else_and_is_set_up_once(till: Till) -> None:
    till.pays()

    opens(till)
    opens(till)

    configurations = till.stripe.client().v1.billing_portal.configurations.list().data
    features = [configuration.to_dict()["features"] for configuration in configurations]
    assert [{name for name, feature in found.items() if feature["enabled"]} for found in features] == [{"payment_method_update"}]
