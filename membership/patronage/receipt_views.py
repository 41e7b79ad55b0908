"""A member's receipts: all of them with what each year came to, one on a page to print, and as a file."""

from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import NotFound
from membership.money import to_major
from membership.patronage import receipts
from membership.patronage.receipt_words import receipt_words
from membership.patronage.receipts import Receipt
from membership.staff.spreadsheet import csv_text
from membership.web.audience import member
from membership.web.database import session, settings

bp = Blueprint("patronage_receipts", __name__)

PAGE = 24


@bp.get("/account/receipts")
@member
def list_receipts() -> ResponseReturnValue:
    """Show every movement of a member's money, some at a time, and what each year came to."""
    every = receipts.receipts_of(session(), current_user.member.id)
    number = max(1, request.args.get("page", default=1, type=int))
    shown = every[(number - 1) * PAGE : number * PAGE]
    if number > 1 and not shown:
        raise NotFound("There are no older receipts.")
    return _page(
        "list_receipts",
        receipts=shown,
        years=receipts.years_of((each.payment for each in every), zone=settings().time_zone),
        number=number,
        has_more=len(every) > number * PAGE,
    )


@bp.get("/account/receipts.csv")
@member
def receipts_csv() -> ResponseReturnValue:
    """Send a member's receipts as a file."""
    every = receipts.receipts_of(session(), current_user.member.id)
    columns = (_("Day"), _("What"), _("Amount"), _("The card company took"), _("Reached us"), _("Currency"), _("Receipt number"))
    text = csv_text(columns, [_row(each, settings().time_zone) for each in every])
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="receipts.csv"'})


@bp.get("/account/receipts/<int:payment_id>")
@member
def show_receipt(payment_id: int) -> ResponseReturnValue:
    """Show one receipt, to be read and printed; somebody else's does not exist."""
    member_id = current_user.member.id
    receipt = receipts.get_receipt(session(), member_id, payment_id)
    charge = receipts.find_charge_of(session(), member_id, receipt.payment) if receipt.payment.charge_reference else None
    return _page("show_receipt", receipt=receipt, charge=charge, back=receipts.moved_back(session(), member_id, receipt.payment))


def _row(receipt: Receipt, zone: ZoneInfo) -> tuple[object, ...]:
    payment = receipt.payment
    amounts = (payment.amount_minor, payment.fee_minor, payment.net_minor)
    return (
        payment.occurred_at.astimezone(zone).date().isoformat(),
        receipt_words()[receipt.about],
        *("" if amount is None else to_major(amount, payment.currency) for amount in amounts),
        payment.currency.upper(),
        payment.reference,
    )


def _page(name: str, **context: object) -> str:
    return render_template(f"patronage/{name}.html", viewer=current_user, what=receipt_words(), **context)
