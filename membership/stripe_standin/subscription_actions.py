"""Control actions on a subscription's collection: pause it, let it go on."""

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.endings import UPDATED, refuse_ended
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change
from membership.stripe_standin.pauses import resume
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again

DAY = 24 * 3600
MOST_DAYS = 3660


@action("pause")
def pause_now(ledger: Ledger, wish: Wish) -> Json:
    """Pause a subscription's collection as the dashboard does, by `behavior`, void unless given; for `days` if given."""
    subscription = ledger.get("subscription", wish.id)
    refuse_ended(subscription)
    behavior = wish.choice("behavior", ("void", "keep_as_draft", "mark_uncollectible"))
    resumes_at = ledger.now + wish.number("days", 1, MOST_DAYS) * DAY if wish.values.get("days") else None
    paused = change(ledger, subscription, UPDATED, pause_collection={"behavior": behavior, "resumes_at": resumes_at})
    look_again(ledger, paused)
    return paused


@action("resume")
def resume_now(ledger: Ledger, wish: Wish) -> Json:
    """Let a paused subscription be collected again, and take a planned end back."""
    subscription = ledger.get("subscription", wish.id)
    refuse_ended(subscription)
    resumed = resume(ledger, subscription)
    details = {**resumed["cancellation_details"], "reason": None}
    unplanned = {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None, "cancellation_details": details}
    goes_on = change(ledger, resumed, UPDATED, **unplanned) if resumed["cancel_at"] else resumed
    look_again(ledger, goes_on)
    return goes_on
