"""Webhook endpoints: the API, and the fixed one that a demo or a test registers."""

from stripe import params as p

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import API_VERSION, change
from membership.stripe_standin.ids import new_id, token
from membership.stripe_standin.operations import PAGING, merged_metadata, operation, picked
from membership.stripe_standin.pagination import page
from membership.stripe_standin.store import Ledger

FIXED = "we_standin_fixed"


def _new(ledger: Ledger, key: str, secret: str, values: Json) -> Json:
    return ledger.add(
        {
            "id": key,
            "object": "webhook_endpoint",
            "api_version": values.get("api_version"),
            "created": ledger.now,
            "description": values.get("description") or None,
            "enabled_events": values["enabled_events"],
            "metadata": merged_metadata({}, values.get("metadata")),
            "status": "enabled",
            "url": values["url"],
        },
        {"secret": secret},
    )


def register_fixed(ledger: Ledger, url: str, secret: str) -> None:
    """Send every event to this address from now on; repeating it changes the address or the secret."""
    existing = ledger.find("webhook_endpoint", FIXED)
    if existing is None:
        _new(ledger, FIXED, secret, {"url": url, "enabled_events": ["*"], "description": "Registered at start"})
    else:
        change(ledger, existing, None, url=url)
        ledger.remember(FIXED, secret=secret)


@operation(
    "POST",
    "/v1/webhook_endpoints",
    p.WebhookEndpointCreateParams,
    "webhook_endpoint",
    "api_version description enabled_events metadata url",
)
def create(ledger: Ledger, values: Json) -> Json:
    """Create an endpoint; its secret is in this answer and in no other."""
    if values.get("api_version", API_VERSION) != API_VERSION:
        raise ApiError(f"The stand-in sends events of {API_VERSION} only.", param="api_version")
    secret = f"whsec_{token(32)}"
    return {**_new(ledger, new_id("webhook_endpoint"), secret, _checked(values)), "secret": secret}


def _checked(values: Json) -> Json:
    if "url" in values and not values["url"].startswith(("http://", "https://")):
        raise ApiError("Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url")
    if not values.get("enabled_events", ["*"]):
        raise ApiError("You must enable at least one event.", param="enabled_events")
    return values


@operation("GET", "/v1/webhook_endpoints/<endpoint_id>", p.WebhookEndpointRetrieveParams, "webhook_endpoint")
def retrieve(ledger: Ledger, values: Json, endpoint_id: str) -> Json:
    """Return an endpoint without its secret."""
    return ledger.get("webhook_endpoint", endpoint_id)


@operation(
    "POST",
    "/v1/webhook_endpoints/<endpoint_id>",
    p.WebhookEndpointUpdateParams,
    "webhook_endpoint",
    "description disabled enabled_events metadata url",
)
def update(ledger: Ledger, values: Json, endpoint_id: str) -> Json:
    """Change an endpoint, or switch it off and on."""
    endpoint = ledger.get("webhook_endpoint", endpoint_id)
    changes = picked(_checked(values), "enabled_events", "url")
    if "description" in values:
        changes["description"] = values["description"] or None
    if "disabled" in values:
        changes["status"] = "disabled" if values["disabled"] else "enabled"
    metadata = merged_metadata(endpoint["metadata"], values.get("metadata"))
    return change(ledger, endpoint, None, **changes, metadata=metadata)


@operation("DELETE", "/v1/webhook_endpoints/<endpoint_id>", p.WebhookEndpointDeleteParams, "webhook_endpoint")
def delete(ledger: Ledger, values: Json, endpoint_id: str) -> Json:
    """Delete an endpoint with all that it was still to be sent."""
    ledger.get("webhook_endpoint", endpoint_id)
    ledger.execute("DELETE FROM attempt WHERE endpoint = ?", endpoint_id)
    ledger.execute("DELETE FROM delivery WHERE endpoint = ?", endpoint_id)
    ledger.execute("DELETE FROM object WHERE id = ?", endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


@operation("GET", "/v1/webhook_endpoints", p.WebhookEndpointListParams, "webhook_endpoint", PAGING)
def list_endpoints(ledger: Ledger, values: Json) -> Json:
    """List endpoints."""
    return page(ledger, ledger.select("webhook_endpoint"), values, "/v1/webhook_endpoints", "webhook_endpoint")
