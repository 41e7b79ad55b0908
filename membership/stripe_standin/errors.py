"""Stripe's errors: what a refused request answers."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A refusal with Stripe's type, code and status; keep=True leaves what the request already did in place."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        type_: str = "invalid_request_error",
        keep: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        named = {"code": code, "param": param, "type": type_, "message": message, **more}
        self.error: Json = {name: value for name, value in named.items() if value is not None}

    def body(self, request_id: str) -> Json:
        """Return the JSON that Stripe sends for this error."""
        return {"error": {**self.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}}


def resource_missing(kind: str, key: str, *, param: str = "id", status: int = 404) -> ApiError:
    """Return the refusal of an id that names nothing: 404 in a path, 400 in a parameter."""
    words = {"checkout.session": "checkout.session", "item": "line_item"}.get(kind, kind)
    return ApiError(f"No such {words}: '{key}'", code="resource_missing", param=param, status=status)


def parameter_missing(param: str) -> ApiError:
    """Return the refusal of a request that lacks a required parameter."""
    return ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unsupported(param: str) -> ApiError:
    """Return the refusal of a parameter that Stripe knows and the stand-in does not act on."""
    return ApiError(f"The stand-in does not implement '{param}'; Stripe would take it.", param=param)
