"""The certificate of a public count: its page, its file, the keys to check it with, and the list of ballot numbers."""

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import NotFound
from membership.voting import certificates, explanation, public, queries, verifying
from membership.voting.certificate_forms import NumberForm
from membership.voting.models import Certificate, Round
from membership.voting.public_keys import jwk_set
from membership.web.audience import everyone
from membership.web.database import session, settings
from membership.web.languages import open_route, path_in

bp = Blueprint("certificates", __name__)

LONGEST_LIST = 10_000  # ballots; of more, the list is not read for each visit of the page


@open_route(bp, "/votes/<slug:round_slug>/certificate")
@everyone
def show_certificate(round_slug: str) -> ResponseReturnValue:
    """Say what the certificate is, what it proves and what not, and how to check it; check it here and now."""
    round_ = public.get_public_round(session(), round_slug)
    issued = certificates.find_certificate(session(), round_.id)
    result = queries.result_of(round_)
    checks = _checks(round_, issued, with_list=result.counted <= LONGEST_LIST) if issued else []
    shown = {"shows_numbers": explanation.shows_numbers(result), "shows_steps": explanation.shows_steps(result)}
    return _page("show_certificate", round=round_, issued=issued, checks=checks, **shown)


@bp.get("/votes/<slug:round_slug>/certificate.json")
@everyone
def certificate_json(round_slug: str) -> ResponseReturnValue:
    """Give the certificate, byte for byte as it was signed."""
    issued = certificates.find_certificate(session(), public.get_public_round(session(), round_slug).id)
    if issued is None:
        raise NotFound(_("This certificate is being signed. Look again in a minute."))
    named = f'attachment; filename="certificate-{round_slug}.json"'
    return Response(certificates.document_of(issued), mimetype="application/json", headers={"Content-Disposition": named})


@bp.get("/votes/certificate-keys.json")
@everyone
def public_keys() -> ResponseReturnValue:
    """Give every public key that certificates were signed with, retired ones too."""
    return jsonify(jwk_set(certificates.public_keys(session())))


@open_route(bp, "/votes/<slug:round_slug>/numbers", methods=["GET", "POST"])
@everyone
def check_number(round_slug: str) -> ResponseReturnValue:
    """Say whether a ballot with this number was counted; nothing is written down."""
    round_, form = public.get_public_round(session(), round_slug), NumberForm()
    if request.method == "GET" or not form.validate():
        page = _page("check_number", round=round_, form=form, found=None)
        return page, 422 if request.method == "POST" else 200
    found = certificates.is_listed(session(), round_id=round_.id, number=form.number.data)
    return _page("check_number", round=round_, form=form, found=found)


@bp.get("/votes/<slug:round_slug>/numbers.txt")
@everyone
def ballot_numbers(round_slug: str) -> ResponseReturnValue:
    """Give the public list of counted ballots: the SHA-256 of each ballot number, sorted."""
    round_ = public.get_public_round(session(), round_slug)
    return Response(certificates.number_list(queries.receipt_hashes(session(), round_.id)), mimetype="text/plain")


def _checks(round_: Round, issued: Certificate, *, with_list: bool) -> list[verifying.Check]:
    numbers = certificates.number_list(queries.receipt_hashes(session(), round_.id)).encode() if with_list else None
    found = verifying.verify(certificates.document_of(issued).encode(), keys=certificates.public_keys(session()), numbers=numbers)
    return [check for check in found.checks if with_list or check.name != "numbers" or check.state == verifying.FAILED]


def _page(name: str, **context: object) -> str:
    viewer = current_user if current_user.is_authenticated else None
    problem = bool(getattr(context.get("form"), "errors", None))
    alternates = {code: path_in(code) for code in settings().languages}
    return render_template(f"voting/certificates/{name}.html", viewer=viewer, problem=problem, alternates=alternates, **context)
