"""What the checks and the columns of a comparison are called on the page."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

CHECK_WORDS: Mapping[str, object] = {
    "back_of_no_charge": _l("Money went back for a payment that we don’t know."),
    "more_back_than_taken": _l("More went back than was taken."),
    "back_in_another_currency": _l("Money went back in another currency than it came."),
    "charge_of_nothing": _l("A payment belongs to no support and no checkout."),
    "fee_unknown": _l("What the card company took is not known after a week."),
    "payment_and_subscription_differ": _l("A payment and its support belong to different people."),
    "two_live_subscriptions": _l("Somebody pays twice, for more than a day."),
    "unknown_status": _l("Stripe says a state that we don’t know; it gives no vote."),
    "running_and_never_paid": _l("A support runs for two weeks and was never paid."),
    "subscription_never_read": _l("A support was noticed a day ago and never read from Stripe."),
    "paid_and_no_payment": _l("A checkout is paid, but its payment is missing."),
    "period_without_money": _l("Somebody is a patron by a payment that is not in our books."),
    "money_back_and_period_stands": _l("A payment went back in full, and its giver is still a patron by it."),
    "overlapping_periods": _l("Two bills pay for the same time."),
    "gift_and_period_differ": _l("A gift was redeemed, and the time that it gives does not fit."),
    "pool_below_nothing": _l("More free seats were given than were paid for."),
    "refund_not_carried_out": _l("A refund was ordered a day ago and has not been made."),
    "event_not_worked_on": _l("A message from Stripe waits for more than a day."),
}
TABLE_WORDS: Mapping[str, object] = {
    "checkout_attempt": _l("checkout"),
    "declined_charge": _l("declined payment"),
    "dispute": _l("dispute"),
    "gift": _l("gift"),
    "paid_period": _l("paid time"),
    "payment": _l("payment"),
    "seat_pool_entry": _l("months for free seats"),
    "stripe_customer": _l("customer"),
    "subscription": _l("support"),
}
FIELD_WORDS: Mapping[str, object] = {
    "row": _l("the whole entry"),
    "amount_minor": _l("amount"),
    "attention": _l("what is wrong with the card"),
    "cancel_at": _l("ends on"),
    "completed_at": _l("completed"),
    "current_period_end": _l("paid until"),
    "disputed_at": _l("disputed since"),
    "ended_at": _l("ended on"),
    "failed_at": _l("failed"),
    "fee_minor": _l("fee"),
    "interval": _l("how often"),
    "is_paused": _l("paused"),
    "member_id": _l("whose"),
    "net_minor": _l("what reached us"),
    "paid_at": _l("paid"),
    "past_due_since": _l("unpaid since"),
    "resumes_at": _l("goes on again on"),
    "reversed_at": _l("went back on"),
    "status": _l("state at Stripe"),
}
