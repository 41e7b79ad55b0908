"""Another amount: shown by Stripe first, done as shown or not at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from membership.errors import Conflict, NotFound, Unavailable
from membership.outbox import OutboxItem
from membership.patronage import queries, services
from membership.patronage.gateway import ChangePreview, Declined, Gateway
from membership.patronage.models import PaidPeriod, Payment
from membership.stripe_standin.cards import AUTHENTICATION, FAILS_LATER
from tests.conftest import NOW, SettingsMaker
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)  # from 22 March
HALF = NOW + MONTH / 2


@pytest.fixture
def patron(till: Till) -> Till:
    """Somebody pays €5 a month since half a month."""
    till.pays()
    till.clock.instant = HALF
    return till


def wanted(till: Till, amount_minor: int, *, at_once: bool = True, interval: str = "month") -> dict[str, Any]:
    return {
        "subscription_id": till.subscription.stripe_id,
        "interval": interval,
        "amount_minor": amount_minor,
        "at_once": at_once,
        "now": till.clock.now(),
    }


def preview(till: Till, amount_minor: int, **how: Any) -> ChangePreview:
    return services.preview_change(till.session, till.gateway, **wanted(till, amount_minor, **how))


def change(till: Till, amount_minor: int, shown: ChangePreview | None = None, gateway: Gateway | None = None, **how: Any) -> None:
    change_ = wanted(till, amount_minor, **how)
    services.change_amount(till.session, gateway or till.gateway, **change_, shown=shown, actor_id=None)


def charged(till: Till) -> list[int]:
    return sorted(amount for (amount,) in till.table(Payment, "amount_minor"))


def use_card(till: Till, number: str) -> None:
    """Let another card be charged, without any page."""
    customer = till.subscription.stripe_customer_id or ""
    url = till.gateway.card_page_url(customer, return_url="http://localhost/done", language="en")
    till.stripe.change_card(url, number)


@pytest.mark.parametrize(
    ("amount_minor", "how"),
    [
        pytest.param(299, {}, id="below the minimum"),
        pytest.param(-500, {}, id="negative"),
        pytest.param(2999, {"interval": "year"}, id="below the year's minimum"),
        pytest.param(500, {"interval": "week"}, id="an interval that is not sold"),
        pytest.param(5000, {"interval": "year", "at_once": False}, id="another rhythm later"),
    ],
)
def test_what_is_not_sold_is_refused_before_stripe_is_asked(
    patron: Till, make_settings: SettingsMaker, amount_minor: int, how: dict[str, Any]
) -> None:
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)

    with pytest.raises(Conflict):
        services.preview_change(patron.session, nowhere, **wanted(patron, amount_minor, **how))
    with pytest.raises(Conflict):
        change(patron, amount_minor, **how)

    assert (patron.subscription.amount_minor, patron.subscription.interval) == (500, "month")


def test_what_is_overdue_paused_or_stopped_is_not_changed(patron: Till) -> None:
    stripe_id = patron.subscription.stripe_id
    act = {"subscription_id": stripe_id, "actor_id": None, "now": HALF}
    services.stop_support(patron.session, patron.gateway, **act)
    with pytest.raises(Conflict, match="You have stopped"):
        change(patron, 1000)
    services.resume_support(patron.session, patron.gateway, **act)
    services.pause_support(patron.session, patron.gateway, resumes_at=NOW + 60 * timedelta(days=1), **act)
    with pytest.raises(Conflict, match="paused"):
        change(patron, 1000)
    services.unpause_support(patron.session, patron.gateway, **act)
    patron.stripe.control("fail", id=stripe_id)
    with pytest.raises(Conflict, match="did not go through"):
        change(patron, 1000)
    patron.stripe.control("cancel", id=stripe_id)
    with pytest.raises(NotFound):
        change(patron, 1000)


@pytest.mark.parametrize("card", [FAILS_LATER, AUTHENTICATION])
def test_a_card_that_does_not_pay_changes_nothing(patron: Till, card: str) -> None:
    use_card(patron, card)
    shown = preview(patron, 1000)

    with pytest.raises(Declined):
        change(patron, 1000, shown)
    patron.sync(patron.subscription.stripe_id)

    assert (patron.subscription.amount_minor, patron.subscription.status) == (500, "active")
    assert charged(patron) == [500]


def test_with_a_better_card_the_same_change_works(patron: Till) -> None:
    use_card(patron, FAILS_LATER)
    with pytest.raises(Declined):
        change(patron, 1000, preview(patron, 1000))

    use_card(patron, "4242424242424242")
    patron.clock.instant += timedelta(minutes=1)
    change(patron, 1000, preview(patron, 1000))

    assert patron.subscription.amount_minor == 1000


def test_more_at_once_takes_the_rest_of_the_month_as_it_was_shown(patron: Till) -> None:
    shown = preview(patron, 1000)

    patron.clock.instant += timedelta(minutes=20)
    change(patron, 1000, shown)
    change(patron, 1000, shown)  # the second of two clicks

    assert shown == ChangePreview(250, 0, "eur", 1000, NOW + MONTH, HALF)
    assert charged(patron) == [250, 500]
    assert (patron.subscription.amount_minor, patron.subscription.current_period_end) == (1000, NOW + MONTH)
    assert patron.table(PaidPeriod, "starts_at", "ends_at") == [(NOW, NOW + MONTH)]
    assert [kind for (kind,) in patron.table(OutboxItem, "kind")].count("amount_changed") == 1


def test_less_at_once_is_credited_and_lowers_the_next_payment(patron: Till) -> None:
    shown = preview(patron, 300)

    change(patron, 300, shown)
    patron.clock.instant = NOW + MONTH + timedelta(hours=2)
    patron.sync(patron.subscription.stripe_id)

    assert shown == ChangePreview(0, 100, "eur", 200, NOW + MONTH, HALF)
    assert charged(patron) == [200, 500]


def test_at_the_next_payment_nothing_is_taken_today(patron: Till) -> None:
    shown = preview(patron, 300, at_once=False)

    change(patron, 300, shown, at_once=False)
    before = charged(patron)
    patron.clock.instant = NOW + MONTH + timedelta(hours=2)
    patron.sync(patron.subscription.stripe_id)

    assert shown == ChangePreview(0, 0, "eur", 300, NOW + MONTH, HALF)
    assert (before, charged(patron)) == ([500], [300, 500])


def test_from_month_to_year_a_new_year_begins_and_the_unused_half_is_credited(patron: Till) -> None:
    shown = preview(patron, 5000, interval="year")

    change(patron, 5000, shown, interval="year")

    assert shown == ChangePreview(4750, 0, "eur", 5000, HALF.replace(year=2027), HALF)
    assert charged(patron) == [500, 4750]
    assert (patron.subscription.interval, patron.subscription.current_period_end) == ("year", HALF.replace(year=2027))
    assert (HALF, HALF.replace(year=2027)) in patron.table(PaidPeriod, "starts_at", "ends_at")


def test_from_year_to_month_what_is_left_of_the_year_pays_the_months(till: Till) -> None:
    till.pays("year", 6000)

    shown = preview(till, 500)
    change(till, 500, shown)

    assert (shown.amount_due_minor, shown.credit_minor, shown.next_amount_minor, shown.next_on) == (0, 5500, 0, NOW + MONTH)
    assert charged(till) == [6000]
    assert till.subscription.interval == "month"


@pytest.mark.parametrize(
    "stale",
    [
        pytest.param({"amount_due_minor": 1}, id="another amount"),
        pytest.param({"at": NOW - timedelta(days=5)}, id="counted from before the period"),
        pytest.param({"at": HALF - timedelta(minutes=31)}, id="shown too long ago"),
        pytest.param({"at": HALF + timedelta(days=3)}, id="counted from a day that has not come"),
    ],
)
def test_what_no_longer_holds_is_shown_again_instead_of_taken(patron: Till, stale: dict[str, Any]) -> None:
    fresh = preview(patron, 1000)

    with pytest.raises(services.PreviewChanged) as changed:
        change(patron, 1000, replace(fresh, **stale))

    assert changed.value.preview == fresh
    assert (patron.subscription.amount_minor, charged(patron)) == (500, [500])


def test_a_change_in_another_tab_is_noticed(patron: Till) -> None:
    shown = preview(patron, 1000)
    change(patron, 2000)

    with pytest.raises(services.PreviewChanged):
        change(patron, 1000, shown)

    assert charged(patron) == [500, 750]


def test_stripe_down_changes_nothing_and_a_lost_answer_is_found_again(patron: Till, make_settings: SettingsMaker) -> None:
    shown = preview(patron, 1000)
    nowhere = Gateway(make_settings(STRIPE_API_BASE="http://127.0.0.1:1"), timeout=1, retries=0)
    with pytest.raises(Unavailable):
        change(patron, 1000, shown, gateway=nowhere)
    plan = queries.default_plan(patron.session)
    price = services.find_price(patron.session, patron.gateway, plan=plan, interval="month", amount_minor=1000)
    patron.gateway.change_price(patron.subscription.stripe_id, price_id=price, at_once=True, at=HALF, key="lost")

    change(patron, 1000, shown)

    assert charged(patron) == [250, 500]
