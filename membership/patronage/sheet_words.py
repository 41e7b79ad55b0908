"""What is wrong with a file that somebody uploaded, in the words of the page."""

from flask_babel import gettext as _

from membership.patronage.sheets import MOST_BYTES, MOST_ROWS, BadSheet, Fault
from membership.web.filters import number

# Of a file in which every line is wrong, the first ones tell enough.
SHOWN_FAULTS = 50


def sheet_problem(bad: BadSheet) -> str:
    """Say why a file can't be read, and what to do about it."""
    line = number(bad.line)
    sentences: dict[str, str] = {
        "too_big": _("This file is larger than %(most)s MB. Export a shorter time.", most=number(MOST_BYTES // 1_000_000)),
        "too_many": _("This file has more than %(most)s lines. Export a shorter time.", most=number(MOST_ROWS)),
        "not_text": _("This is no CSV file. Export it as CSV, or open it in a spreadsheet and save it as CSV."),
        "no_columns": _(
            "No line of this file names the columns that we need: %(columns)s. Write these names into its first line.",
            columns=", ".join(bad.columns),
        ),
        "cut": _("This file ends in the middle of line %(line)s. Download it again; if it is whole, add an empty line.", line=line),
        "broken": _(
            "Line %(line)s has more or fewer cells than the first one, or a quotation mark too many. Download the file again.",
            line=line,
        ),
        "doubled": _("From line %(line)s on this file says the same once more. Download it again.", line=line),
    }
    return sentences[bad.code]


def fault_text(fault: Fault) -> str:
    """Say what is wrong in one line."""
    line, text = number(fault.line), fault.text[:60]
    sentences: dict[str, str] = {
        "date": _("Line %(line)s: “%(text)s” is no day.", line=line, text=text),
        "future": _("Line %(line)s: “%(text)s” has not come yet. Does the month stand before the day?", line=line, text=text),
        "amount": _("Line %(line)s: “%(text)s” is no amount in the currency of this line.", line=line, text=text),
        "currency": _("Line %(line)s: “%(text)s” is no currency that we know.", line=line, text=text),
        "direction": _("Line %(line)s: “%(text)s” does not say whether it came in or went out.", line=line, text=text),
        "id": _("Line %(line)s: “%(text)s” is no number of a member, or stands there twice.", line=line, text=text),
    }
    return sentences[fault.code]
