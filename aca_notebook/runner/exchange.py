"""Bodies in and out: JSON, `.npy`, Arrow and multipart, by `Content-Type` and `Accept`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.runner import failures, tables
from aca_notebook.runner.failures import Refused

if TYPE_CHECKING:
    from aca_notebook.runner.signature import Arguments, Signature

JSON = "application/json"
MULTIPART = "multipart/form-data"
ACCEPTED = f"{JSON}, {tables.NPY}, {tables.ARROW}, {MULTIPART}"


def read_arguments(signature: Signature, content_type: str, body: bytes) -> Arguments:
    """Read the arguments of a call from its body.

    Raises `Refused`: 415 for a body of an unknown type, 422 for arguments that do not fit.
    """
    try:
        return _read(signature, content_type, body)
    except Refused:
        raise
    except Exception as unreadable:  # a caller's bytes meet parsers, and classes of the user's
        raise Refused(
            422,
            "InvalidArguments",
            f"the body cannot be read: {type(unreadable).__name__}: {failures.text_of(unreadable)}",
            hint=f"it takes ({signature.spelled()})",
        ) from unreadable


def _read(signature: Signature, content_type: str, body: bytes) -> Arguments:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in {"", JSON, "text/json", "application/x-www-form-urlencoded"}:  # the last is curl's default for -d
        return signature.from_json(body)
    if media_type in {tables.NPY, tables.ARROW}:
        return signature.from_parts({signature.first_parameter(): (media_type, body)})
    if media_type == MULTIPART:
        return signature.from_parts(read_multipart(content_type, body))
    raise Refused(415, "UnsupportedMediaType", f"cannot read {media_type}", hint=f"send one of {ACCEPTED}")


def write_answer(value: object, accept: str) -> tuple[str, bytes]:
    """Write a result as (content type, body): frames and arrays in their own formats when the caller accepts those.

    Raises `Refused` (500) naming the type when nothing the caller accepts can hold it.
    """
    try:
        if tables.ARROW in accept and tables.frame_kind(value):
            return tables.ARROW, tables.write_frame(value)
        if tables.NPY in accept and tables.is_array(value):
            return tables.NPY, tables.write_array(value)
        return JSON, tables.write_json(value)
    except (Exception, SystemExit) as refused:  # noqa: BLE001  # `tolist` and the like are anyone's code
        raise Refused(
            500,
            "ResultNotSerializable",
            f"the function ran, but its result cannot be sent: {failures.text_of(refused)}",
            hint="return plain data, an array or a frame",
            type=type(value).__name__,
        ) from None


def read_multipart(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """Read `multipart/form-data`: part name → (content type, body). Raises `Refused` (422)."""
    return _parts(content_type, body).found


def read_file(content_type: str, body: bytes) -> tuple[str, bytes]:
    """Read the file of a form: its name and content. Raises `Refused` (422) when there is none."""
    parts = _parts(content_type, body)
    for name, filename in parts.filenames.items():
        return filename, parts.found[name][1]
    raise Refused(422, "InvalidArguments", "the form holds no file")


def _parts(content_type: str, body: bytes) -> _Parts:
    from python_multipart import multipart  # only when a multipart body arrives
    from python_multipart.exceptions import FormParserError

    _, options = multipart.parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Refused(422, "InvalidArguments", "a multipart body needs a boundary")
    parts = _Parts()
    try:
        parser = multipart.MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]  # a plain dict does
        parser.write(body)
        parser.finalize()
    except FormParserError as broken:  # a boundary that is too long, too
        raise Refused(422, "InvalidArguments", f"a broken multipart body: {broken}") from None
    return parts


def _part_name(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Refused(422, "InvalidArguments", f"the name of a part is no UTF-8: {name[:40]!r}") from None


class _Parts:
    """Collects what the multipart parser calls out."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, bytes]] = {}
        self.filenames: dict[str, str] = {}
        self._field = self._value = self._body = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._chunks = {}, []

    def _on_field(self, chunk: bytes, start: int, end: int) -> None:
        self._field += chunk[start:end]

    def _on_value(self, chunk: bytes, start: int, end: int) -> None:
        self._value += chunk[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _on_data(self, chunk: bytes, start: int, end: int) -> None:
        self._chunks.append(chunk[start:end])

    def _end(self) -> None:
        from python_multipart import multipart  # as above

        _, options = multipart.parse_options_header(self._headers.get(b"content-disposition", b""))
        name = _part_name(options.get(b"name", b""))
        media_type = self._headers.get(b"content-type", JSON.encode()).decode("latin-1").partition(";")[0].strip()
        if media_type == "text/plain":  # what a form field is by default
            media_type = JSON
        self.found[name] = (media_type.lower(), b"".join(self._chunks))
        if filename := options.get(b"filename", b""):
            self.filenames[name] = filename.decode(errors="replace")
