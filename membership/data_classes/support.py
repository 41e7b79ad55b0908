"""What can be bought and given, and the ways in which support comes."""

from membership.data_classes import words as w
from membership.data_classes.books import named_article
from membership.data_classes.declaring import columns

N_ = str
OURS = (w.YOU, w.TREASURER)

BUYING = {
    "plan": (
        columns(
            w.PUBLISHED,
            N_("What can be bought here"),
            w.GOOD,
            w.NOBODYS,
            inside=(
                "id key name currency minimum_month_minor minimum_year_minor minimum_once_minor presets_month presets_year"
                " presets_once stripe_product_id created_at retired_at"
            ),
        ),
    ),
    "checkout_attempt": (
        columns(
            w.MONEY,
            N_("What you chose to pay, and what became of it"),
            w.UNPAID_QUARTER,
            w.NUMBER,
            exported=(
                "purpose interval amount_minor currency language created_at completed_at paid_at failed_at expired_at withdrawn_at"
            ),
            inside="id plan_id member_id stripe_price_id stripe_session_id choice_key settled_at signed_in_at claim written",
        ),
        columns(
            w.MONEY,
            N_("Stripe’s page for it, and which browser went there, as hashes"),
            w.QUARTER,
            w.EMPTIED,
            inside="stripe_session_url browser_hash",
            seen_by=(),
        ),
        columns(w.SIGN_IN, N_("What the links in your receipts name"), w.ACCOUNT, w.EMPTIED, inside="link_key", seen_by=()),
        columns(
            w.CONTACT,
            N_("The address that you typed at Stripe when you gave something to somebody else"),
            w.ACCOUNT,
            w.EMPTIED,
            exported="buyer_email",
            seen_by=(w.YOU, w.TREASURER, w.STRIPE),
        ),
        named_article(),
    ),
    "stripe_customer": (
        columns(
            w.MONEY,
            N_("Your number at Stripe. When you delete your account, we have Stripe delete its customer too"),
            w.ACCOUNT,
            w.DELETED,
            exported="stripe_id created_at deleted_at",
            inside="account member_id address_pushed_at",
        ),
    ),
    "gift": (
        columns(
            w.SUPPORT,
            N_("A gift that you bought or used"),
            w.BOOKS,
            w.NUMBER,
            exported="months created_at redeemed_at reversed_at",
            inside="id attempt_id code_hash",
            seen_by=OURS,
        ),
        columns(w.SUPPORT, N_("Who used a gift"), w.ACCOUNT, w.EMPTIED, inside="redeemed_by", seen_by=OURS),
    ),
}
GIVING = {
    "free_seat_request": (
        columns(
            w.SUPPORT,
            N_("That you asked for a free seat. We don’t ask why"),
            w.QUARTER_AFTER,
            w.DELETED,
            exported="email language requested_at decision decided_at",
            inside="id decided_by member_id",
            seen_by=OURS,
        ),
    ),
    "seat_pool_entry": (
        columns(
            w.MONEY,
            N_("Months of free seats that were paid for or given"),
            w.BOOKS,
            w.NUMBER,
            inside="id months reference at reversed_at",
            seen_by=(w.TREASURER,),
        ),
    ),
    "transfer_reference": (
        columns(
            w.MONEY,
            N_("The reference for your bank transfers, and the address that you typed for it"),
            N_("as long as you have an account; 400 days if no transfer ever came"),
            w.DELETED,
            exported="reference email language created_at",
            inside="member_id",
        ),
    ),
    "bank_import": (
        columns(
            w.STAFF_WORK,
            N_("Which bank statements were read, and by whom"),
            w.BOOKS,
            w.NUMBER,
            inside="id imported_by imported_at rows matched known skipped",
            seen_by=(w.TREASURER,),
        ),
    ),
    "bank_transfer": (
        columns(
            w.MONEY,
            N_("A bank transfer that was yours: its day and amount"),
            w.BOOKS,
            w.NUMBER,
            exported="booked_on amount_minor currency months decided_at",
            inside="id import_id fingerprint state member_id decided_by",
        ),
        columns(
            w.MONEY,
            N_("A transfer’s payer and text, while nobody knows whose it is"),
            N_("until somebody has found out, at most a year"),
            w.BY_ITSELF,
            inside="payer text",
            seen_by=(w.TREASURER,),
        ),
        columns(w.MONEY, N_("What our staff noted about a transfer"), w.ACCOUNT, w.EMPTIED, exported="note", seen_by=OURS),
    ),
    "patreon_import": (
        columns(
            w.STAFF_WORK,
            N_("Which lists of Patreon’s were read, and what they changed"),
            w.GOOD,
            w.NUMBER,
            inside="id uploaded_by uploaded_at applied_at joined prolonged unchanged left",
            seen_by=(w.TREASURER,),
        ),
        columns(
            w.CONTACT,
            N_("The addresses of such a list, while it is being looked at"),
            w.ONE_DAY,
            w.BY_ITSELF,
            inside="draft",
            seen_by=(w.TREASURER,),
        ),
    ),
    "patreon_member": (
        columns(
            w.SUPPORT,
            N_("Your number at Patreon, if you pay there; it stays, so that the next list doesn’t bring you back"),
            w.GOOD,
            w.NUMBER,
            exported="patreon_id paid_until left_at",
            inside="last_import_id",
            seen_by=OURS,
        ),
        columns(w.SUPPORT, N_("Whose number at Patreon it is"), w.ACCOUNT, w.EMPTIED, inside="member_id", seen_by=OURS),
    ),
}
SUPPORT_TABLES = {**BUYING, **GIVING}
