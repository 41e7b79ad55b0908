"""Read the SDK's annotations: what a parameter may hold and what a resource holds."""

import ast
import importlib
import inspect
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import typing_extensions
from stripe import RequestOptions, StripeObject
from stripe._stripe_object import UntypedStripeObject

_WRAPPERS = {NotRequired, Required, typing_extensions.NotRequired, typing_extensions.Required}
# Names in the request options that their module imports for type checkers only.
_OF_OPTIONS = {"StripeContext": object, "Mapping": Mapping}
_FIELDS: dict[type[StripeObject], dict[str, list[Any]]] = {}
_UNIONS = {Union, types.UnionType}


@cache
def parameters(params: type) -> dict[str, Any]:
    """Return the API parameters of one params type; request options (api_key …) are none."""
    hints = get_type_hints(params, localns=_OF_OPTIONS, include_extras=True)
    return {name: hint for name, hint in hints.items() if name not in RequestOptions.__annotations__}


def alternatives(hint: Any) -> list[Any]:
    """Return what a parameter may be, with enums closed: the SDK types them as `Literal[…] | str`."""
    if get_origin(hint) in _WRAPPERS:
        return alternatives(get_args(hint)[0])
    options = _flat(hint)
    if str in options and any(set(get_args(o)) - {""} for o in options if is_literal(o)):
        options.remove(str)
    return [o for o in options if get_origin(o) is not UntypedStripeObject]


def is_literal(hint: Any) -> bool:
    """Tell whether the annotation is a Literal."""
    return get_origin(hint) in {Literal, typing_extensions.Literal}


def _flat(hint: Any) -> list[Any]:
    if get_origin(hint) in _UNIONS:
        return [o for arg in get_args(hint) for o in _flat(arg)]
    return [hint]


def fields(resource: type[StripeObject]) -> dict[str, list[Any]]:
    """Return each annotated field of a resource with its alternatives, forward references resolved."""
    if resource not in _FIELDS:
        _FIELDS[resource] = _read_fields(resource)
    return _FIELDS[resource]


def _read_fields(resource: type[StripeObject]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, hint in inspect.get_annotations(resource).items():
        if not name.startswith("_") and not name.isupper():
            found[name] = [_resolved(o, resource.__module__) for o in _flat(hint)]
    return found


def list_element(hint: Any) -> list[Any] | None:
    """Return the alternatives of the elements of a ListObject or List annotation, else None."""
    args = get_args(hint)
    return _flat(args[0]) if args and not is_literal(hint) and get_origin(hint) not in _UNIONS else None


def resource_classes(options: list[Any]) -> list[type[StripeObject]]:
    """Return the StripeObject classes among the alternatives."""
    return [o for o in options if isinstance(o, type) and issubclass(o, StripeObject)]


def _resolved(hint: Any, module: str) -> Any:
    """Resolve forward references by the imports of the module that wrote them."""
    if isinstance(hint, str | ForwardRef):
        return _named(hint if isinstance(hint, str) else hint.__forward_arg__, module)
    origin, args = get_origin(hint), get_args(hint)
    if origin is None or is_literal(hint):
        return hint
    inner = tuple(
        Union[tuple(_resolved(o, module) for o in _flat(arg))]  # noqa: UP007  (built from a tuple)
        for arg in args
    )
    return origin[inner if len(inner) > 1 else inner[0]]


def _named(name: str, module: str) -> Any:
    namespace = vars(importlib.import_module(module))
    if name in namespace:
        return namespace[name]
    source, original = _deferred_imports(module)[name]
    return getattr(importlib.import_module(source), original)


@cache
def _deferred_imports(module: str) -> dict[str, tuple[str, str]]:
    """Return what a module imports for type checkers only: name → (module, name there)."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
