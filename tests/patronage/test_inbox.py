"""The sweep: tries again later and later, and one bad event stops no other."""

from datetime import timedelta

from membership.db import transaction
from membership.patronage import services
from membership.patronage.gateway import make_quick_gateway
from membership.patronage.models import StripeEvent
from membership.patronage.services.inbox import MAX_TRIES
from membership.patronage.signature import ParsedEvent
from tests.conftest import NOW, SettingsMaker
from tests.patronage.conftest import Till


def keep(till: Till, event_id: str, subscription_id: str, type_: str = "customer.subscription.updated") -> StripeEvent | None:
    parsed = ParsedEvent(event_id, type_, NOW, False, None, "subscription", subscription_id, subscription_id, None)
    return services.keep_event(till.session, parsed, livemode=False, now=till.clock.now())


def sweep(till: Till) -> int:
    return services.sweep_events(till.session, till.gateway, now=till.clock.now)


def states(till: Till) -> list[tuple[object, ...]]:
    return till.table(StripeEvent, "stripe_id", "state", "tries", "last_error")


def test_a_thing_deleted_at_stripe_since_is_let_go(till: Till) -> None:
    keep(till, "evt_1", "sub_gone")

    assert sweep(till) == 1
    assert states(till) == [("evt_1", "ignored", 0, "Stripe doesn’t know this any more.")]


def test_an_event_that_cannot_be_worked_on_waits_longer_each_time(till: Till, make_settings: SettingsMaker) -> None:
    keep(till, "evt_1", "sub_1")
    till.gateway = make_quick_gateway(make_settings())  # nobody answers there, and it is asked once
    tries = []

    for minutes in (0, 0, 1, 2, 3):
        till.clock.instant = NOW + timedelta(minutes=minutes)
        sweep(till)
        tries.append(states(till)[0][2])

    assert tries == [1, 1, 2, 2, 3]


def test_one_bad_event_stops_no_other(till: Till) -> None:
    till.pays()
    keep(till, "evt_1", till.subscription.stripe_id)
    keep(till, "evt_2", till.subscription.stripe_id, "charge.refunded")
    with transaction(till.session):
        till.session.get_one(StripeEvent, "evt_1").type = "no.longer.known"  # as after a rollback to an older version

    assert sweep(till) == 1
    assert [(row[0], row[1], row[3]) for row in states(till)] == [("evt_1", "new", "KeyError"), ("evt_2", "ignored", "not ours")]


def test_after_the_last_try_an_event_is_left_for_a_person(till: Till) -> None:
    keep(till, "evt_1", "sub_gone")
    with transaction(till.session):
        till.session.get_one(StripeEvent, "evt_1").tries = MAX_TRIES
    till.clock.instant = NOW + timedelta(days=30)

    assert sweep(till) == 0


def test_a_known_event_is_not_kept_again(till: Till) -> None:
    assert keep(till, "evt_1", "sub_gone")
    sweep(till)

    assert not keep(till, "evt_1", "sub_gone")
    assert len(states(till)) == 1


def test_stripe_out_of_reach_is_tried_for_one_event_only(till: Till, make_settings: SettingsMaker) -> None:
    keep(till, "evt_1", "sub_1")
    keep(till, "evt_2", "sub_2")
    till.gateway = make_quick_gateway(make_settings())  # nobody answers there, and it is asked once

    sweep(till)

    assert [row[2] for row in states(till)] == [1, 0]
