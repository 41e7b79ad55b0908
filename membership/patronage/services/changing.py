"""A patron pays more or less, or in another rhythm: previewed by Stripe first, then done as it was shown."""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from membership.errors import Conflict, NotFound, Unavailable
from membership.patronage import contracts
from membership.patronage.entitlement import LIVE, RUNNING
from membership.patronage.gateway import ChangePreview, Declined, Gateway, NewPrice
from membership.patronage.gateway.connection import one_key
from membership.patronage.models import Subscription
from membership.patronage.services.catalogue import find_price
from membership.patronage.services.stopping import fetch_support, record_act, refuse_unbegun
from membership.patronage.services.syncing import sync_subscription

# What was shown longer ago is shown again: its numbers are counted from the instant of the preview.
SHOWN_FOR = timedelta(minutes=30)


class PreviewChanged(Conflict):
    """What was shown no longer holds, and nothing was changed; preview is what holds now."""

    def __init__(self, preview: ChangePreview) -> None:
        super().__init__("The amounts have changed since they were shown. Nothing was taken. Please look at them again.")
        self.preview = preview


class AlreadyThere(Conflict):
    """The support costs that already."""

    def __init__(self) -> None:
        super().__init__("You give this amount already, so there is nothing to change.")


def preview_change(
    session: Session, gateway: Gateway, *, subscription_id: str, interval: str, amount_minor: int, at_once: bool, now: datetime
) -> ChangePreview:
    """Return what a change would take today and then, by Stripe's own account.

    Raises NotFound, AlreadyThere, Conflict (below the minimum, overdue, paused, stopped), Unavailable.
    """
    running = contracts.get_subscription(session, subscription_id)
    price = _price(session, gateway, running, interval, amount_minor, at_once)
    return gateway.preview_change(subscription_id, price=price, at_once=at_once, at=now.replace(microsecond=0))


def change_amount(
    session: Session,
    gateway: Gateway,
    *,
    subscription_id: str,
    interval: str,
    amount_minor: int,
    at_once: bool,
    shown: ChangePreview | None = None,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Let a support cost something else, at once or from the next payment on; if a preview was shown, then as shown or not at all.

    Raises what preview_change raises, PreviewChanged, and Declined: then nothing was changed. Safe to repeat.
    """
    running = fetch_support(session, gateway, subscription_id, now)
    try:
        price = _price(session, gateway, running, interval, amount_minor, at_once)
    except AlreadyThere:
        return  # the first of two clicks has done it
    at = shown.at if shown else now.replace(microsecond=0)
    if shown is not None:
        _compare(gateway, running, price, at_once, shown, now)
    record_act(
        session, "support.change_asked", running, actor_id, now, interval=interval, amount_minor=amount_minor, at_once=at_once
    )
    # The instant of the preview is part of it: a second click is the same act, a later try after a decline another one.
    key = one_key("change", running.stripe_id, price.id, at_once, at.timestamp())
    try:
        gateway.change_price(running.stripe_id, price_id=price.id, at_once=at_once, at=at, key=key)
    except Declined:
        with suppress(Unavailable):
            sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)
        raise
    sync_subscription(session, gateway, stripe_id=running.stripe_id, now=now)


def refuse_change(running: Subscription) -> None:
    """Raise why a support can't be changed now, if it can't; NotFound, Conflict."""
    if running.status not in LIVE:
        raise NotFound("This support has ended. You can start again with any amount.")
    refuse_unbegun(running)
    if running.status not in RUNNING:
        raise Conflict("The last payment did not go through. Please look after it first, or stop your support.")
    if running.cancel_at is not None:
        raise Conflict("You have stopped. Start again first, then change the amount.")
    if running.is_paused:
        raise Conflict("Your support is paused. End the pause first, then change the amount.")


def _compare(gateway: Gateway, running: Subscription, price: NewPrice, at_once: bool, shown: ChangePreview, now: datetime) -> None:
    """Raise PreviewChanged unless Stripe says now what it said when it was shown."""
    is_recent = now - SHOWN_FOR <= shown.at <= now
    with suppress(Conflict):  # a new period has begun since: Stripe counts from no instant before it
        if is_recent and gateway.preview_change(running.stripe_id, price=price, at_once=at_once, at=shown.at) == shown:
            return
    fresh = gateway.preview_change(running.stripe_id, price=price, at_once=at_once, at=now.replace(microsecond=0))
    raise PreviewChanged(fresh)


def _price(session: Session, gateway: Gateway, running: Subscription, interval: str, amount_minor: int, at_once: bool) -> NewPrice:
    """Check a change, and find or make the price for it."""
    refuse_change(running)
    plan = contracts.get_plan_of(session, running)
    if interval not in ("month", "year") or amount_minor < plan.minimum(interval):
        raise Conflict("This is less than the lowest amount.")
    if (interval, amount_minor) == (running.interval, running.amount_minor):
        raise AlreadyThere
    if interval != running.interval and not at_once:
        raise Conflict("How often you pay can only be changed at once.")
    price_id = find_price(session, gateway, plan=plan, interval=interval, amount_minor=amount_minor)
    return NewPrice(price_id, amount_minor, interval)
