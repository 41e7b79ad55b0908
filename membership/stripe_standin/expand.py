"""Replace ids by objects where a request asks with `expand[]`."""

from typing import Any

from stripe import StripeObject

from membership.stripe_standin.annotations import fields, list_element, resource_classes
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.render import included, public
from membership.stripe_standin.resources import CLASSES, INCLUDABLE, is_expandable
from membership.stripe_standin.store import Ledger

DEEPEST = 4


def expand(ledger: Ledger, body: Json, kind: str, paths: list[str]) -> Json:
    """Return the answer with every named property expanded; raises 400 for what is no expandable property."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise ApiError(f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand")
        if body.get("object") == "list":
            body = _in_list(ledger, body, CLASSES[kind], steps, path)
        else:
            body = _in_object(ledger, body, CLASSES[kind], steps, path)
    return body


def _in_list(ledger: Ledger, listing: Json, element: type[StripeObject], steps: list[str], path: str) -> Json:
    if steps[0] != "data" or len(steps) == 1:
        raise _not_expandable(path)
    rows = [_in_object(ledger, row, element, steps[1:], path) for row in listing["data"]]
    if not rows:
        _check(element, steps[1:], path)
    return {**listing, "data": rows}


def _in_object(ledger: Ledger, body: Json, resource: type[StripeObject], steps: list[str], path: str) -> Json:
    head, rest = steps[0], steps[1:]
    options = _options(resource, head, path)
    value = body.get(head)
    if value is None and head in INCLUDABLE.get(body.get("object", ""), ()):
        value = included(ledger, body, head)
    elif isinstance(value, str) and is_expandable(options):
        value = public(ledger, ledger.anything(value))
    elif not rest and not is_expandable(options) and not _is_includable(resource, head):
        raise _not_expandable(path)
    if rest:
        value = _deeper(ledger, value, options, rest, path)
    return {**body, head: value}


def _deeper(ledger: Ledger, value: Any, options: list[Any], rest: list[str], path: str) -> Any:
    """Go on below a value: a list, a resource, a part of one, or nothing there at all."""
    element = _element(options)
    if value is None:
        return None if element else _checked_null(options, rest, path)
    if element:
        return _in_list(ledger, value, element, rest, path)
    if not isinstance(value, dict):
        raise _not_expandable(path)
    classes = [CLASSES[value["object"]]] if value.get("object") in CLASSES else resource_classes(options)
    if not classes:
        raise _not_expandable(path)
    return _in_object(ledger, value, classes[0], rest, path)


def _checked_null(options: list[Any], rest: list[str], path: str) -> None:
    """Accept a path below a null only if some class there has it."""
    if not any(rest[0] in fields(resource) for resource in resource_classes(options)):
        raise _not_expandable(path)


def _check(resource: type[StripeObject], steps: list[str], path: str) -> None:
    """Refuse a path that does not exist although no row is there to meet it."""
    _options(resource, steps[0], path)


def _options(resource: type[StripeObject], name: str, path: str) -> list[Any]:
    known = fields(resource)
    if name not in known:
        raise _not_expandable(path)
    return known[name]


def _element(options: list[Any]) -> type[StripeObject] | None:
    """Return the class inside a ListObject, if that is what the field holds."""
    for option in options:
        for inner in resource_classes(list_element(option) or []):
            return inner
    return None


def _is_includable(resource: type[StripeObject], name: str) -> bool:
    return name in INCLUDABLE.get(getattr(resource, "OBJECT_NAME", ""), ())


def _not_expandable(path: str) -> ApiError:
    return ApiError(f"This property cannot be expanded ({path}).", param="expand")
