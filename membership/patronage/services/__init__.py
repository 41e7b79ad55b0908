"""What can be done with plans, payments and memberships."""

from membership.patronage.services.addresses import push_addresses
from membership.patronage.services.cards import CONFIRMATION, CardPage, finish_card_change, open_card_page
from membership.patronage.services.catalogue import CatalogueChange, apply_change, compare_catalogue, find_price
from membership.patronage.services.changing import AlreadyThere, PreviewChanged, change_amount, preview_change, refuse_change
from membership.patronage.services.checking import check_money, check_money_daily
from membership.patronage.services.checkout import (
    AlreadyPaid,
    AlreadyPatron,
    Choice,
    NotOffered,
    Opened,
    PaymentsClosed,
    start_checkout,
)
from membership.patronage.services.closing import close_stripe, reopen_stripe
from membership.patronage.services.closures import confirm_closures, redact_closed
from membership.patronage.services.contributions import BY_HAND, grant_comp, grant_free_seat, record_contribution
from membership.patronage.services.duplicates import end_duplicates
from membership.patronage.services.forgetting import forget_attempts, forget_events, forget_waiting_transfers
from membership.patronage.services.gifts import redeem_gift, show_gift_code
from membership.patronage.services.inbox import keep_event, sweep_events, work_on_event
from membership.patronage.services.links import ask_cancel_mail, forget_cancel_requests, revoke_links
from membership.patronage.services.patreon import apply_patreon, discard_patreon, forget_patreon_drafts, upload_patreon
from membership.patronage.services.pausing import pause_support, refuse_pause, unpause_support
from membership.patronage.services.pending import sync_first_payments
from membership.patronage.services.people import (
    ask_stripe_again,
    record_export,
    resend_receipt,
    stop_for_member,
    write_note,
)
from membership.patronage.services.plans import currency_fault, ensure_plan, key_fault, offer_plan, plan_fault, retire_plan
from membership.patronage.services.projecting import SECOND, WRITTEN
from membership.patronage.services.reading import gather_old_articles
from membership.patronage.services.rebuilding import rebuild
from membership.patronage.services.reconciling import EVENTS_LAST, carry_out_reconcile, request_nightly, request_reconcile
from membership.patronage.services.references import forget_unused_references, transfer_reference_for
from membership.patronage.services.refunds import carry_out_refunds, order_refund
from membership.patronage.services.reminding import BEFORE_RENEWAL, CARD_EXPIRES, remind, reminder_key
from membership.patronage.services.seats import (
    POOL_SEAT_MONTHS,
    STAFF_SEAT_MONTHS,
    decide_free_seat,
    draw_seats_from_pool,
    forget_seat_requests,
    request_free_seat,
)
from membership.patronage.services.signing_in import use_paid_checkout
from membership.patronage.services.stopping import resume_support, stop_all_support, stop_support
from membership.patronage.services.syncing import sync_charge, sync_checkout, sync_subscription
from membership.patronage.services.transfers import dismiss_transfer, import_statement, match_transfer, move_transfer
from membership.patronage.services.twins import TWIN_DECISIONS, decide_twin, notice_twins
from membership.patronage.services.withdrawing import finish_withdrawals, withdraw

__all__ = [
    "BEFORE_RENEWAL",
    "BY_HAND",
    "CARD_EXPIRES",
    "CONFIRMATION",
    "EVENTS_LAST",
    "POOL_SEAT_MONTHS",
    "SECOND",
    "STAFF_SEAT_MONTHS",
    "TWIN_DECISIONS",
    "WRITTEN",
    "AlreadyPaid",
    "AlreadyPatron",
    "AlreadyThere",
    "CardPage",
    "CatalogueChange",
    "Choice",
    "NotOffered",
    "Opened",
    "PaymentsClosed",
    "PreviewChanged",
    "apply_change",
    "apply_patreon",
    "ask_cancel_mail",
    "ask_stripe_again",
    "carry_out_reconcile",
    "carry_out_refunds",
    "change_amount",
    "check_money",
    "check_money_daily",
    "close_stripe",
    "compare_catalogue",
    "confirm_closures",
    "currency_fault",
    "decide_free_seat",
    "decide_twin",
    "discard_patreon",
    "dismiss_transfer",
    "draw_seats_from_pool",
    "end_duplicates",
    "ensure_plan",
    "find_price",
    "finish_card_change",
    "finish_withdrawals",
    "forget_attempts",
    "forget_cancel_requests",
    "forget_events",
    "forget_patreon_drafts",
    "forget_seat_requests",
    "forget_unused_references",
    "forget_waiting_transfers",
    "gather_old_articles",
    "grant_comp",
    "grant_free_seat",
    "import_statement",
    "keep_event",
    "key_fault",
    "match_transfer",
    "move_transfer",
    "notice_twins",
    "offer_plan",
    "open_card_page",
    "order_refund",
    "pause_support",
    "plan_fault",
    "preview_change",
    "push_addresses",
    "rebuild",
    "record_contribution",
    "record_export",
    "redact_closed",
    "redeem_gift",
    "refuse_change",
    "refuse_pause",
    "remind",
    "reminder_key",
    "reopen_stripe",
    "request_free_seat",
    "request_nightly",
    "request_reconcile",
    "resend_receipt",
    "resume_support",
    "retire_plan",
    "revoke_links",
    "show_gift_code",
    "start_checkout",
    "stop_all_support",
    "stop_for_member",
    "stop_support",
    "sweep_events",
    "sync_charge",
    "sync_checkout",
    "sync_first_payments",
    "sync_subscription",
    "transfer_reference_for",
    "unpause_support",
    "upload_patreon",
    "use_paid_checkout",
    "withdraw",
    "work_on_event",
    "write_note",
]
