"""The same bytes as the page, from the smallest WSGI callable there is: what the server itself can do."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_page = json.loads(Path(os.environ["BENCH_PAGE"]).read_text(encoding="utf-8"))
_headers = [(name, value) for name, value in _page["headers"]]
_body = bytes.fromhex(_page["body"])


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer every request with the page."""
    start_response("200 OK", _headers)
    return [_body]
