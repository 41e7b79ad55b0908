"""Check a request's parameters against the SDK's own typed parameters."""

from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_origin, is_typeddict

import typing_extensions

from membership.stripe_standin.annotations import alternatives, is_literal, parameters
from membership.stripe_standin.errors import ApiError, Json, parameter_missing, unsupported
from membership.stripe_standin.form import Tree

INT64 = 2**63 - 1
# Stripe takes '' here as the wish to clear, which the SDK's types do not say.
CLEARABLE = frozenset({"default_payment_method", "invoice_settings[default_payment_method]"})
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


def read(params: type, tree: Tree) -> Json:
    """Return the request's parameters, decoded by annotation; raises ApiError on anything Stripe's types do not know."""
    return _hash(params, tree, "")


def refuse_unsupported(values: Json, supported: frozenset[str], path: str = "") -> None:
    """Refuse a parameter which the stand-in would otherwise ignore in silence."""
    for name, value in values.items():
        full = f"{path}{name}"
        if full in supported:
            continue
        children = value if isinstance(value, list) else [value]
        hashes = [child for child in children if isinstance(child, dict)]
        if not hashes or not any(known.startswith(f"{full}.") for known in supported):
            raise unsupported(full)
        for child in hashes:
            refuse_unsupported(child, supported, f"{full}.")


def _hash(params: type, tree: Tree, path: str) -> Json:
    known = parameters(params)
    for name in tree:
        if name not in known:
            full = _join(path, name)
            raise ApiError(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
    for name in sorted(params.__required_keys__):  # type: ignore[attr-defined]  # every TypedDict has it
        if name not in tree:
            raise parameter_missing(_join(path, name))
    return {name: _value(known[name], raw, _join(path, name)) for name, raw in tree.items()}


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _value(hint: Any, raw: str | Tree, path: str) -> Any:
    options = alternatives(hint)
    return _scalar(options, raw, path) if isinstance(raw, str) else _structure(options, raw, path)


def _structure(options: list[Any], tree: Tree, path: str) -> Any:
    for option in options:
        if get_origin(option) is list:
            return _array(get_args(option)[0], tree, path)
        if get_origin(option) is dict:
            return _mapping(get_args(option)[1], tree, path)
        if is_typeddict(option) or typing_extensions.is_typeddict(option):
            return _hash(option, tree, path)
    raise ApiError(f"Invalid string: {path} is a hash or an array", param=path)


def _array(element: Any, tree: Tree, path: str) -> list[Any]:
    if not all(key.isdecimal() for key in tree):
        raise ApiError(f"Invalid array: {path}", param=path)
    return [_value(element, tree[key], f"{path}[{key}]") for key in sorted(tree, key=int)]


def _mapping(element: Any, tree: Tree, path: str) -> Json:
    """Read a free hash; metadata, the only one with limits, keeps '' as the wish to drop a key."""
    if path.endswith(("metadata", "metadata]")):
        return _metadata(tree, path)
    return {key: _value(element, raw, _join(path, key)) for key, raw in tree.items()}


def _metadata(tree: Tree, path: str) -> Json:
    if len(tree) > METADATA_KEYS:
        raise ApiError(f"You can only have {METADATA_KEYS} metadata keys.", param=path)
    for key, raw in tree.items():
        full = _join(path, key)
        if not isinstance(raw, str):
            raise ApiError(f"Invalid metadata: {full} must be a string", param=full)
        if len(key) > METADATA_KEY_LENGTH:
            raise ApiError(f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters: {key}", param=full)
        if len(raw) > METADATA_VALUE_LENGTH:
            raise ApiError(f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters; {key} has {len(raw)}.", param=full)
    return dict(tree)


def _scalar(options: list[Any], raw: str, path: str) -> Any:
    literals = [value for option in options if is_literal(option) for value in get_args(option)]
    if raw in literals or (raw == "" and path in CLEARABLE):
        return raw
    if raw == "":
        raise ApiError(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=path,
        )
    for scalar, decode in ((bool, _boolean), (int, _integer), (float, _decimal), (Decimal, _decimal)):
        if scalar in options:
            return decode(raw, path)
    if str in options:
        return raw
    if literals:
        choices = ", ".join(sorted(str(value) for value in literals if value))
        raise ApiError(f"Invalid {path}: must be one of {choices}", param=path)
    raise ApiError(f"Invalid {'array' if _has_array(options) else 'object'}: {path}", param=path)


def _has_array(options: list[Any]) -> bool:
    return any(get_origin(option) is list for option in options)


def _boolean(raw: str, path: str) -> bool:
    if raw not in {"true", "false"}:
        raise ApiError(f"Invalid boolean: {raw}", param=path)
    return raw == "true"


def _integer(raw: str, path: str) -> int:
    digits = raw.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 19 or int(digits) > INT64:
        raise ApiError(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=path)
    return int(raw)


def _decimal(raw: str, path: str) -> str:
    try:
        number = Decimal(raw)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ApiError(f"Invalid decimal: {raw}", param=path)
    return raw
