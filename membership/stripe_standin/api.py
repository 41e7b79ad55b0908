"""Answer /v1: key, version, parameters, idempotency, expansion, errors, headers."""

import json
import re
from functools import partial

from flask import Flask, Request, Response, request

from membership.stripe_standin import idempotency
from membership.stripe_standin.chaos_api import draw_weather, drop_connection
from membership.stripe_standin.engine import Engine
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import API_VERSION
from membership.stripe_standin.expand import expand
from membership.stripe_standin.form import nested
from membership.stripe_standin.idempotency import Answer
from membership.stripe_standin.ids import token
from membership.stripe_standin.operations import Operation, find
from membership.stripe_standin.params import read, refuse_unsupported
from membership.stripe_standin.render import public
from membership.stripe_standin.store import Ledger

SECRET_KEY = "sk_test_standin"  # noqa: S105  (public by design: it opens nothing but a demo)
_FORM = "application/x-www-form-urlencoded"


def register(app: Flask, engine: Engine) -> None:
    """Answer everything under /v1."""
    methods = ["GET", "POST", "DELETE", "PUT", "PATCH"]
    app.add_url_rule("/v1/<path:rest>", "api", partial(_answer, engine), methods=methods, provide_automatic_options=False)


def _answer(engine: Engine, rest: str) -> Response:
    request_id = f"req_{token(14)}"
    weather = draw_weather(engine, request.method, request.path)
    try:
        weather.before_work()
        if weather.loses_call:
            return drop_connection()
        _authenticate(request)
        found, path = _operation()
        operation = weather.spoil(found)
        values = _parameters(request, operation)
        key = idempotency.checked_key(request.headers.get("Idempotency-Key")) if operation.method == "POST" else None
        if key is None:
            answer = _run(engine, operation, values, path, request_id)
        else:
            answer = _run_once(engine, operation, values, path, request_id, key)
    except ApiError as error:
        answer = Answer(error.status, error.body(request_id), request_id)
    weather.after_work()
    if weather.loses_answer:
        return drop_connection()
    response = _response(answer, request_id)
    response.headers.update(weather.headers)
    return response


def _operation() -> tuple[Operation, dict[str, str]]:
    """Return the operation that the request names; raises Stripe's 404 for any other address."""
    found = find(request.method, request.path)
    if found is None:
        message = f"Unrecognized request URL ({request.method}: {request.path}). The stand-in may lack what Stripe has."
        raise ApiError(message, status=404)
    return found


def _authenticate(request: Request) -> None:
    """Accept the stand-in's test key only, and the pinned version only."""
    credentials = request.authorization
    if credentials is None:
        raise ApiError("You did not provide an API key.", status=401)
    key = (credentials.token if credentials.type == "bearer" else credentials.username) or ""
    if "_live_" in key:
        raise ApiError("A live key reached the stand-in, which is for tests and demos only.", status=401)
    if key != SECRET_KEY:
        masked = re.sub(r"(?<=^.{8}).*(?=.{4}$)", "****", key)
        raise ApiError(f"Invalid API Key provided: {masked}", status=401)
    if request.headers.get("Stripe-Account"):
        raise ApiError("The stand-in has one account and no Connect.", code="account_invalid", status=403)
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise ApiError(f"Invalid Stripe API version: {version}. The stand-in speaks {API_VERSION} only.")


def _parameters(request: Request, operation: Operation) -> Json:
    """Return the request's parameters, checked against the SDK's types and what the stand-in acts on."""
    if request.method == "POST" and request.mimetype not in {"", _FORM}:
        raise ApiError(f"Invalid content type: {request.mimetype}; send {_FORM}.")
    values = read(operation.params, nested(_pairs(request)))
    refuse_unsupported(values, operation.supported)
    return values


def _pairs(request: Request) -> list[tuple[str, str]]:
    source = request.form if request.method == "POST" else request.args
    return list(source.items(multi=True))


def _run(engine: Engine, operation: Operation, values: Json, path: dict[str, str], request_id: str) -> Answer:
    write = operation.method != "GET"
    with engine.ledger(write=write, request_id=request_id) as ledger:
        return _attempt(ledger, operation, values, path, request_id)


def _run_once(engine: Engine, operation: Operation, values: Json, path: dict[str, str], request_id: str, key: str) -> Answer:
    """Run the operation and keep its answer in the same transaction, or answer as the first time."""
    digest = idempotency.fingerprint(_pairs(request))
    with engine.keys.hold(key), engine.ledger(write=True, request_id=request_id, key=key) as ledger:
        first = idempotency.recall(ledger, key, request.path, digest)
        if first:
            return first
        answer = _attempt(ledger, operation, values, path, request_id)
        idempotency.record(ledger, key, request.path, digest, answer)
        return answer


def _attempt(ledger: Ledger, operation: Operation, values: Json, path: dict[str, str], request_id: str) -> Answer:
    """Run the operation; a refusal undoes what it did, unless the refusal itself is the outcome."""
    ledger.execute("SAVEPOINT operation")
    try:
        paths = values.pop("expand", [])
        body = operation.run(ledger, values, path)
        body = body if body["object"] == "list" or body.get("deleted") else public(ledger, body)
        return Answer(200, expand(ledger, body, operation.kind, paths), request_id)
    except ApiError as error:
        if not error.keep:
            ledger.execute("ROLLBACK TO operation")
        return Answer(error.status, error.body(request_id), request_id)


def _response(answer: Answer, request_id: str) -> Response:
    response = Response(json.dumps(answer.body), status=answer.status, mimetype="application/json")
    response.headers["Request-Id"] = request_id
    response.headers["Stripe-Version"] = API_VERSION
    response.headers["Cache-Control"] = "no-store"
    if key := request.headers.get("Idempotency-Key"):
        response.headers["Idempotency-Key"] = key
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = answer.request_id
    return response
