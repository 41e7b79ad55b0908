"""Configurations of the customer portal: what customers may do there."""

import stripe.params.billing_portal as p

from membership.stripe_standin.addresses import checked_url
from membership.stripe_standin.errors import ApiError, Json, unsupported
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import PAGING, merged_metadata, operation, picked
from membership.stripe_standin.pagination import page
from membership.stripe_standin.store import Ledger

KIND = "billing_portal.configuration"
_FIELDS = (
    "business_profile.headline business_profile.privacy_policy_url business_profile.terms_of_service_url default_return_url "
    "features.customer_update.allowed_updates features.customer_update.enabled features.invoice_history.enabled "
    "features.payment_method_update.enabled features.subscription_cancel.cancellation_reason.enabled "
    "features.subscription_cancel.cancellation_reason.options features.subscription_cancel.enabled "
    "features.subscription_cancel.mode features.subscription_cancel.proration_behavior features.subscription_pause.enabled "
    "features.subscription_update.enabled metadata name"
)
_OFF: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {
            "enabled": False,
            "feedback_options": None,
            "options": ["too_expensive", "missing_features", "switched_service", "unused", "other"],
        },
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


@operation("POST", "/v1/billing_portal/configurations", p.ConfigurationCreateParams, KIND, _FIELDS)
def create(ledger: Ledger, values: Json) -> Json:
    """Create a configuration; what it does not name is off."""
    nothing = {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
    configuration = ledger.add(
        {
            "id": new_id(KIND),
            "object": KIND,
            "active": True,
            "business_profile": {**nothing, **values.get("business_profile", {})},
            "created": ledger.now,
            "default_return_url": checked_url(values.get("default_return_url") or None, "default_return_url"),
            "features": _features(_OFF, values["features"]),
            "is_default": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": merged_metadata({}, values.get("metadata")),
            "name": values.get("name") or None,
            "updated": ledger.now,
        }
    )
    emit(ledger, "billing_portal.configuration.created", configuration)
    return configuration


def _features(old: Json, wanted: Json) -> Json:
    """Return the features after a change, each merged part by part."""
    for name in ("subscription_pause", "subscription_update"):
        if wanted.get(name, {}).get("enabled"):
            raise unsupported(f"features[{name}][enabled]")
    merged = {name: {**old[name], **wanted.get(name, {})} for name in old}
    reason = wanted.get("subscription_cancel", {}).get("cancellation_reason", {})
    merged["subscription_cancel"]["cancellation_reason"] = {**old["subscription_cancel"]["cancellation_reason"], **reason}
    merged["customer_update"]["allowed_updates"] = merged["customer_update"]["allowed_updates"] or []
    if merged["customer_update"]["enabled"] and not merged["customer_update"]["allowed_updates"]:
        message = "You must provide `allowed_updates` when `customer_update` is enabled."
        raise ApiError(message, param="features[customer_update][allowed_updates]")
    return merged


@operation("GET", "/v1/billing_portal/configurations/<configuration_id>", p.ConfigurationRetrieveParams, KIND)
def retrieve(ledger: Ledger, values: Json, configuration_id: str) -> Json:
    """Return a configuration."""
    return ledger.get(KIND, configuration_id)


@operation("POST", "/v1/billing_portal/configurations/<configuration_id>", p.ConfigurationUpdateParams, KIND, f"{_FIELDS} active")
def update(ledger: Ledger, values: Json, configuration_id: str) -> Json:
    """Change a configuration, or switch it off and on."""
    configuration = ledger.get(KIND, configuration_id)
    changes: Json = picked(values, "active")
    if "default_return_url" in values:
        changes["default_return_url"] = checked_url(values.get("default_return_url") or None, "default_return_url")
    if "name" in values:
        changes["name"] = values["name"] or None
    profile = {name: text or None for name, text in values.get("business_profile", {}).items()}
    changes["business_profile"] = {**configuration["business_profile"], **profile}
    changes["features"] = _features(configuration["features"], values.get("features", {}))
    changes["metadata"] = merged_metadata(configuration["metadata"], values.get("metadata"))
    if all(configuration[name] == value for name, value in changes.items()):
        return configuration
    return change(ledger, configuration, "billing_portal.configuration.updated", **changes, updated=ledger.now)


@operation("GET", "/v1/billing_portal/configurations", p.ConfigurationListParams, KIND, f"{PAGING} active is_default")
def list_configurations(ledger: Ledger, values: Json) -> Json:
    """List configurations."""
    rows = ledger.select(KIND)
    for name in ("active", "is_default"):
        if name in values:
            rows = [row for row in rows if row[name] == values[name]]
    return page(ledger, rows, values, "/v1/billing_portal/configurations", KIND)
