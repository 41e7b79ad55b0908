"""What a receipt is about, in the reader's words."""

from flask_babel import gettext as _


def receipt_words() -> dict[str, str]:
    """Return the words for each thing that a receipt can be about (membership.patronage.receipts)."""
    return {
        "month": _("Support for a month"),
        "year": _("Support for a year"),
        "once": _("Support, once"),
        "gift": _("A gift membership"),
        "seats": _("Free seats for others"),
        "bank": _("Bank transfer"),
        "paypal": _("PayPal"),
        "cash": _("Cash"),
        "refund": _("Given back"),
        "refund_failure": _("Could not be given back"),
        "dispute": _("Taken back by your bank"),
        "dispute_reversal": _("Your bank’s decision: it stays with us"),
    }
