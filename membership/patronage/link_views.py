"""Pages that need no account: the way out for everybody, and what the signed links in our mails open."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from membership.web.audience import everyone
from membership.web.languages import open_route

bp = Blueprint("patronage_links", __name__)


@open_route(bp, "/cancel")
@everyone
def cancel_page() -> ResponseReturnValue:
    """Lead whoever wants to stop to where they can."""
    if current_user.is_authenticated:
        return redirect(url_for("patronage_account.stop"), code=303)
    return render_template("patronage/cancel_page.html", viewer=None, stop_path=url_for("patronage_account.stop"))
