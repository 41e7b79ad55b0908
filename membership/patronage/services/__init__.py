"""What can be done with plans, payments and memberships."""

from membership.patronage.services.checkout import AlreadyPaid, AlreadyPatron, Choice, Opened, start_checkout
from membership.patronage.services.contributions import grant_free_seat, record_contribution
from membership.patronage.services.inbox import keep_event, sweep_events, work_on_event
from membership.patronage.services.plans import ensure_plan, plan_fault
from membership.patronage.services.signing_in import use_paid_checkout
from membership.patronage.services.stopping import resume_support, stop_support
from membership.patronage.services.syncing import sync_charge, sync_checkout, sync_subscription

__all__ = [
    "AlreadyPaid",
    "AlreadyPatron",
    "Choice",
    "Opened",
    "ensure_plan",
    "grant_free_seat",
    "keep_event",
    "plan_fault",
    "record_contribution",
    "resume_support",
    "start_checkout",
    "stop_support",
    "sweep_events",
    "sync_charge",
    "sync_checkout",
    "sync_subscription",
    "use_paid_checkout",
    "work_on_event",
]
