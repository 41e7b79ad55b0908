"""Hold an object that the stand-in sent against the SDK's annotations: fields, types, closed enums, nested objects."""

from decimal import Decimal
from typing import Any, get_args, get_origin

from stripe import ListObject, StripeObject
from stripe._stripe_object import UntypedStripeObject

from membership.stripe_standin.annotations import fields, is_literal, list_element, resource_classes
from membership.stripe_standin.resources import CLASSES


def faults(body: Any, resource: type[StripeObject] | None = None, path: str = "") -> list[str]:
    """Return what is wrong with an object, one line for each fault; empty when it has the annotated shape."""
    resource = resource or CLASSES[body["object"]]
    if body.get("deleted"):
        return []
    annotated = fields(resource)
    found = [f"{path}{name}: the SDK does not know it" for name in body.keys() - annotated.keys()]
    for name, options in annotated.items():
        here = f"{path}{name}"
        if name in body:
            found += value_faults(body[name], options, here)
        elif type(None) not in options:
            found.append(f"{here}: missing")
    return found


def value_faults(value: Any, options: list[Any], path: str) -> list[str]:
    """Return what is wrong with one value."""
    if value is None:
        return [] if type(None) in options else [f"{path}: null"]
    if isinstance(value, dict):
        return _hash_faults(value, options, path)
    if isinstance(value, list):
        element = next((e for o in options if get_origin(o) is list and (e := list_element(o))), None)
        return [f"{path}: an array"] if element is None else _each(value, element, path)
    return [] if _is_scalar(value, options) else [f"{path}: {value!r} is none of {options}"]


def _each(values: list[Any], element: list[Any], path: str) -> list[str]:
    return [fault for n, value in enumerate(values) for fault in value_faults(value, element, f"{path}[{n}]")]


def _hash_faults(value: dict[str, Any], options: list[Any], path: str) -> list[str]:
    for option in options:
        if get_origin(option) is ListObject:
            lacking = {"object", "data", "has_more", "url"} - value.keys()
            return [f"{path}: lacks {lacking}"] if lacking else _each(value["data"], list_element(option) or [], f"{path}.data")
        if get_origin(option) is UntypedStripeObject or option is UntypedStripeObject:
            return []
    classes = resource_classes(options)
    if "object" in value and len(classes) > 1:
        classes = [c for c in classes if getattr(c, "OBJECT_NAME", None) == value["object"]]
    return faults(value, classes[0], f"{path}.") if classes else [f"{path}: a hash"]


def _is_scalar(value: Any, options: list[Any]) -> bool:
    """Tell whether a scalar is one of the alternatives; an enum is closed although the SDK adds `| str`."""
    literals = [choice for option in options if is_literal(option) for choice in get_args(option)]
    if literals:
        return value in literals
    if isinstance(value, bool):
        return bool in options
    if isinstance(value, str):
        return str in options or Decimal in options
    return type(value) in options or (isinstance(value, int) and float in options)
