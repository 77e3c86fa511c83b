"""Calls into an app: names for arguments, the key, one POST, and the answer or the exception it stands for."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aca_notebook.api import codec, replies, template
from aca_notebook.azure.target import secured
from aca_notebook.errors import CallFailed, NotFound, Unauthorized, Unreachable

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping, Sequence

    from aca_notebook.api.access import Access
    from aca_notebook.azure.calls import Reply


class Endpoint:
    """An app's door: its address and, fetched when first needed and never shown, its key.

    Calls happen at most once: only a connection that was refused outright is tried again.
    """

    def __init__(self, app: str, url: str, access: Access, *, public: bool = False) -> None:
        self.app = app
        self.url = url
        self._access = access
        self._public = public
        self._key = ""
        self._signatures: dict[str, inspect.Signature] = {}
        self._described: dict[str, tuple[str, ...]] = {}

    async def call(
        self, function: str, positional: Sequence[object], named: Mapping[str, object],
        signature: inspect.Signature | None = None,
    ) -> Any:  # fmt: skip
        """Call `function` (empty: the entry). Raises what the function raised, or an error of the tree."""
        signature = signature or self._signatures.get(function)
        if signature is None and (positional or len(named) == 1):
            signature = codec.signature_of(await self._parameters_of(function))
        arguments = dict(named) if signature is None else codec.bind(signature, positional, named)
        content_type, body = codec.encode(arguments, next(iter(signature.parameters), "") if signature else "")
        reply = await self._post(function, content_type, body)
        if reply.status >= 400:
            raise self._failure(reply)
        return codec.decode(reply)

    def learn(self, function: str, signature: inspect.Signature, *, entry: bool = False) -> None:
        """Know a function's parameters without asking the app."""
        self._signatures[function] = signature
        if entry:
            self._signatures[""] = signature

    async def key(self) -> str:
        """The app's key, from its secret. Raises `NotFound` when the app is gone."""
        if not self._key:
            found = await self._access.ask(lambda services: services.apps.secrets(self.app))
            self._access.redactor.learn(*found.values())
            self._key = found.get(template.KEY_SECRET, "")
        return self._key

    async def open_link(self, expires: int) -> str:
        """A link that lets a browser in until `expires` (epoch seconds), without showing the key."""
        if self._public:
            return f"{self.url}/docs"
        signature = hmac.new((await self.key()).encode(), f"open:{expires}".encode(), hashlib.sha256).hexdigest()
        return f"{self.url}/_aca/open?expires={expires}&signature={signature}"

    async def description(self) -> dict[str, Any]:
        """The app's OpenAPI document."""
        key = await self.key()
        address = f"{secured(self.url)}/openapi.json"
        reply = await self._access.ask(lambda services: services.calls.get(address, key))
        if reply.status >= 400:
            raise self._failure(reply)
        try:
            document: dict[str, Any] = json.loads(reply.body)
        except ValueError as broken:
            raise CallFailed(
                f"the description of {self.app!r} is no JSON", status=reply.status, call_id=reply.call_id,
                hint="is it an app deployed from a notebook?",
            ) from broken  # fmt: skip
        return document

    def _failure(self, reply: Reply) -> BaseException:
        """What the app raised, without the secret values that are known: an error is shown, and saved with it."""
        text = self._access.redactor.text(reply.body.decode(errors="surrogateescape"))
        return replies.failure(replace(reply, body=text.encode(errors="surrogateescape")), self.app)

    async def _post(self, function: str, content_type: str, body: bytes) -> Reply:
        key = "" if self._public and not self._key else await self.key()
        try:
            reply = await self._send(function, content_type, body, key)
        except Unreachable as gone:
            if not gone.refused or not await self._has_moved():
                raise
            reply = await self._send(function, content_type, body, key)
        if reply.status != 401:
            return reply
        self._key = ""  # it may have been changed since
        fresh = await self.key()
        if fresh == key:
            raise Unauthorized(
                f"app {self.app!r} does not accept its own key", status=401, code="Unauthorized",
                request_id=reply.call_id,
                hint="restart the revision: a changed secret reaches a replica only then",
            )  # fmt: skip
        return await self._send(function, content_type, body, fresh)

    async def _send(self, function: str, content_type: str, body: bytes, key: str) -> Reply:
        address = f"{secured(self.url)}/{quote(function)}"
        return await self._access.ask(lambda services: services.calls.post(address, body, content_type, key), once=True)

    async def _has_moved(self) -> bool:
        """Whether the platform knows another address for the app by now. Raises `NotFound` when the app is gone."""
        document = await self._access.ask(lambda services: services.apps.document(self.app))
        ingress = ((document.get("properties") or {}).get("configuration") or {}).get("ingress") or {}
        before, self.url = self.url, self._access.target.app_url(str(ingress.get("fqdn") or ""))
        return self.url not in {"", before}

    async def _parameters_of(self, function: str) -> tuple[str, ...]:
        """The names a function takes, in order, as its OpenAPI document has them."""
        if not self._described:
            document = await self.description()
            for path, methods in (document.get("paths") or {}).items():
                if "post" in methods:
                    self._described[path.strip("/")] = _names(methods["post"], document)
        if function not in self._described:
            raise NotFound(
                f"app {self.app!r} serves no {function or 'entry'!r}", status=404, code="NotFound",
                hint=f"it serves {', '.join(sorted(path for path in self._described if path)) or 'nothing'}",
            )  # fmt: skip
        return self._described[function]


def _names(operation: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[str, ...]:
    content = (operation.get("requestBody") or {}).get("content") or {}
    schema = (content.get("application/json") or {}).get("schema") or {}
    reference = str(schema.get("$ref") or "")
    if reference:
        schema = (document.get("components") or {}).get("schemas", {}).get(reference.rpartition("/")[2], {})
    return tuple(schema.get("properties") or ())
