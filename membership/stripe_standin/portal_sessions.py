"""Sessions of the customer portal: one customer's way in, for a short while."""

import stripe.params.billing_portal as p

from membership.stripe_standin.addresses import checked_url
from membership.stripe_standin.customers import living
from membership.stripe_standin.errors import ApiError, Json, parameter_missing, unsupported
from membership.stripe_standin.events import emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import operation
from membership.stripe_standin.portal_configurations import KIND as CONFIGURATION
from membership.stripe_standin.store import Ledger

KIND = "billing_portal.session"
# Stripe says "short-lived" and no number in its API; these are what it has been seen to do.
UNOPENED_SECONDS, IDLE_SECONDS = 5 * 60, 3600
_CREATE = (
    "configuration customer flow_data.after_completion.hosted_confirmation.custom_message "
    "flow_data.after_completion.redirect.return_url flow_data.after_completion.type flow_data.type locale return_url"
)
_FLOWS = ("customer_update", "subscription_cancel", "subscription_pause", "subscription_update", "subscription_update_confirm")


@operation("POST", "/v1/billing_portal/sessions", p.SessionCreateParams, KIND, _CREATE)
def create(ledger: Ledger, values: Json) -> Json:
    """Open the portal for a customer: its first page, or the one flow asked for."""
    if "customer" not in values:
        raise parameter_missing("customer")
    customer = ledger.refer("customer", values["customer"], "customer")
    configuration = _configuration(ledger, values)
    key = new_id(KIND)
    session = ledger.add(
        {
            "id": key,
            "object": KIND,
            "configuration": configuration["id"],
            "created": ledger.now,
            "customer": living(ledger, customer["id"])["id"],
            "flow": _flow(values["flow_data"], configuration) if "flow_data" in values else None,
            "locale": values.get("locale"),
            "return_url": checked_url(values.get("return_url"), "return_url") or configuration["default_return_url"],
            "url": f"{ledger.public_url}/p/session/{key}",
        },
        {"last_seen": None},
    )
    emit(ledger, "billing_portal.session.created", session)
    return session


def _configuration(ledger: Ledger, values: Json) -> Json:
    """Return the configuration named; an account whose dashboard saved no default has no other."""
    if "configuration" not in values:
        raise ApiError(
            "No configuration provided and your test mode default configuration has not been created. Provide a configuration "
            "or create your default by saving your customer portal settings in test mode."
        )
    configuration = ledger.refer(CONFIGURATION, values["configuration"], "configuration")
    if not configuration["active"]:
        raise ApiError("The portal configuration provided is not active.", param="configuration")
    return configuration


def _flow(wanted: Json, configuration: Json) -> Json:
    type_ = wanted["type"]
    if type_ != "payment_method_update":
        raise unsupported(f"flow_data[type]={type_}")
    if not configuration["features"][type_]["enabled"]:
        message = f"The `{type_}` feature is disabled in the portal configuration: {configuration['id']}."
        raise ApiError(message, param="flow_data[type]")
    after = wanted.get("after_completion", {"type": "portal_homepage"})
    path = "flow_data[after_completion][redirect]"
    if after["type"] == "redirect":
        if "redirect" not in after:
            raise parameter_missing(path)
        checked_url(after["redirect"]["return_url"], f"{path}[return_url]")
    message = after.get("hosted_confirmation", {}).get("custom_message")
    return {
        "after_completion": {
            "hosted_confirmation": {"custom_message": message} if after["type"] == "hosted_confirmation" else None,
            "redirect": after["redirect"] if after["type"] == "redirect" else None,
            "type": after["type"],
        },
        **dict.fromkeys(_FLOWS),
        "type": type_,
    }


def is_expired(ledger: Ledger, session: Json) -> bool:
    """Tell whether the way in is closed: never opened in time, or left alone for too long."""
    seen = ledger.private(session["id"])["last_seen"]
    ends = session["created"] + UNOPENED_SECONDS if seen is None else seen + IDLE_SECONDS
    return bool(ledger.now > ends)


def newest_url(ledger: Ledger, customer_id: str) -> str | None:
    """Return the address of the customer's newest session that still opens."""
    for session in ledger.select(KIND, {"customer": customer_id}):
        return None if is_expired(ledger, session) else str(session["url"])
    return None
