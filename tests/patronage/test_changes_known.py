"""Another amount, another interval, a pause: what they take and give, as Stripe bills it."""

from datetime import timedelta

from membership.patronage.entitlement import Standing
from membership.patronage.models import PaidPeriod, Payment, Subscription
from tests.conftest import NOW
from tests.patronage.conftest import Till

MONTH = timedelta(days=31)  # from 22 March
MIDDLE = NOW + MONTH / 2


def changes_to(till: Till, amount_minor: int, interval: str = "month", *, billed: str = "always_invoice") -> None:
    """Change the only subscription's price at once, in the middle of its month, and hear of it."""
    client, stripe_id = till.stripe.client(), till.subscription.stripe_id
    till.clock.instant = MIDDLE
    found = client.v1.subscriptions.retrieve(stripe_id).to_dict()["items"]["data"][0]
    price = client.v1.prices.create(
        {
            "currency": "eur",
            "unit_amount": amount_minor,
            "recurring": {"interval": "year" if interval == "year" else "month"},
            "product": str(found["price"]["product"]),
        }
    )
    items = [{"id": str(found["id"]), "price": price.id}]
    client.v1.subscriptions.update(stripe_id, {"items": items, "proration_behavior": billed})  # type: ignore[typeddict-item]
    till.hears("customer.subscription.updated")


def periods(till: Till) -> list[tuple[object, ...]]:
    return sorted(till.table(PaidPeriod, "starts_at", "ends_at"))


def test_a_higher_amount_takes_the_difference_and_gives_no_more_time(till: Till) -> None:
    till.pays()

    changes_to(till, 1000)

    assert till.table(Subscription, "amount_minor") == [(1000,)]
    assert sorted(till.table(Payment, "kind", "amount_minor")) == [("charge", 250), ("charge", 500)]
    assert periods(till) == [(NOW, NOW + MONTH)]


def test_money_given_back_for_a_change_leaves_the_month(till: Till) -> None:
    till.pays()
    changes_to(till, 1000)
    difference = till.session.query(Payment.reference).filter(Payment.amount_minor == 250).scalar()

    till.stripe.control("refund", id=difference)
    till.hears("charge.refunded")

    assert till.standing == Standing(True, "patron", NOW + MONTH)


def test_another_interval_begins_its_time_now(till: Till) -> None:
    till.pays()

    changes_to(till, 5000, "year")

    assert till.table(Subscription, "interval", "amount_minor") == [("year", 5000)]
    assert sorted(till.table(Payment, "kind", "amount_minor")) == [("charge", 500), ("charge", 4750)]
    assert periods(till) == [(NOW, NOW + MONTH), (MIDDLE, MIDDLE.replace(year=2027))]
    assert till.standing == Standing(True, "patron", MIDDLE.replace(year=2027))


def test_a_month_that_credit_has_paid_is_a_month(till: Till) -> None:
    """Lowered at once there is credit for the rest of the month: the next bill takes nothing, and is paid."""
    till.pays("month", 1000)
    changes_to(till, 300)
    till.clock.instant = NOW + MONTH

    till.hears("invoice.paid")

    assert till.table(Payment, "kind", "amount_minor") == [("charge", 1000)]
    assert periods(till) == [(NOW, NOW + MONTH), (NOW + MONTH, NOW.replace(month=5))]
    assert till.standing == Standing(True, "patron", NOW.replace(month=5))


def test_a_bill_with_more_prorations_than_stripe_shows_still_gives_its_month(till: Till) -> None:
    """With an invoice come its first ten lines, and prorations stand before the line for the month."""
    till.pays()
    for amount in (600, 700, 800, 900, 1000, 1100):
        changes_to(till, amount, billed="create_prorations")
    till.clock.instant = NOW + MONTH

    till.hears("invoice.paid")

    shown = till.stripe.client().v1.invoices.list().data[0].to_dict()["lines"]
    assert (shown["has_more"], len(shown["data"])) == (True, 10)
    assert periods(till) == [(NOW, NOW + MONTH), (NOW + MONTH, NOW.replace(month=5))]


def test_a_pause_gives_no_time_and_ends_by_itself(till: Till) -> None:
    till.pays()
    stripe_id = till.subscription.stripe_id
    till.stripe.control("pause", id=stripe_id, days="40")
    till.hears("customer.subscription.updated")
    paid = till.standing
    till.clock.instant = NOW + MONTH + timedelta(days=1)
    till.hears("invoice.voided")
    over = till.standing
    till.clock.instant = NOW + timedelta(days=41)
    till.hears("customer.subscription.updated")
    resumed = till.table(Subscription, "status", "is_paused", "resumes_at")
    till.clock.instant = NOW.replace(month=5) + timedelta(hours=1)
    till.hears("invoice.paid")

    assert (paid, over) == (Standing(True, "patron", NOW + MONTH), Standing(False, "paused"))
    assert resumed == [("active", False, None)]
    assert periods(till) == [(NOW, NOW + MONTH), (NOW.replace(month=5), NOW.replace(month=6))]
    assert len(till.table(Payment, "id")) == 2
    assert till.standing == Standing(True, "patron", NOW.replace(month=6))
