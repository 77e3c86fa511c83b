"""Write `labextension/src/protocol.ts` from `server.protocol`: `python -m aca_notebook.server.typescript [--check]`."""

from __future__ import annotations

import inspect
import sys
import typing
from pathlib import Path
from typing import Any

import msgspec

from aca_notebook.server import protocol

PAGE = Path(__file__).resolve().parents[2] / "labextension" / "src" / "protocol.ts"
_HEAD = (
    "// Made by `python -m aca_notebook.server.typescript` from aca_notebook/server/protocol.py: edit that instead.\n"
)
_WORDS = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def page() -> str:
    """Return the module: an interface a value, a union a vocabulary, and a client with a method a route."""
    structs = [
        each for each in vars(protocol).values()
        if inspect.isclass(each)
        and issubclass(each, (protocol.Value, protocol.Asked))
        and each not in {protocol.Value, protocol.Asked}
    ]  # fmt: skip
    parts = [_HEAD, f"export const PROTOCOL = {protocol.PROTOCOL};\n"]
    parts += [_interface(each) for each in structs]
    parts += [_routes()]
    return "\n".join(parts)


def _interface(struct: type[msgspec.Struct]) -> str:
    asked = issubclass(struct, protocol.Asked)
    hints = typing.get_type_hints(struct)
    lines = [_doc(inspect.getdoc(struct) or "", ""), f"export interface {struct.__name__} {{"]
    for field in msgspec.structs.fields(struct):
        optional = "?" if asked and not field.required else ""
        lines.append(f"  readonly {field.encode_name}{optional}: {_type(hints[field.name])};")
    return "\n".join([*lines, "}\n"])


def _type(hint: Any) -> str:
    """One type in TypeScript's words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " | ".join(f"'{each}'" for each in arguments)
    if origin is tuple:
        inner = _type(arguments[0])
        return f"readonly ({inner})[]" if "|" in inner else f"readonly {inner}[]"
    if arguments:
        return " | ".join(_type(each) for each in arguments)
    return _WORDS.get(hint) or str(hint.__name__)


def _routes() -> str:
    lines = [
        "/** Sends one request below the extension's address; `query` leaves out what is undefined. */",
        "export type Send = (method: string, path: string, query: object, body: object | null) => Promise<unknown>;\n",
        "/** A method for each route of the server extension. */",
        "export class Client {",
        "  constructor(private readonly send: Send) {}",
    ]
    for route in protocol.ROUTES:
        lines += ["", *_method(route)]
    return "\n".join([*lines, "}", ""])


def _method(route: protocol.Route) -> list[str]:
    path, parameters = route.path, []
    for name in [piece[1:-1] for piece in route.path.split("/") if piece.startswith("{")]:
        path = path.replace(f"{{{name}}}", f"${{encodeURIComponent({name})}}")
        parameters.append(f"{name}: string")
    if route.body is not None:
        parameters.append(f"body: {route.body.__name__}")
    if route.query:
        needed = any(field.required for field in msgspec.structs.fields(route.query))
        parameters.append(f"query: {route.query.__name__}{'' if needed else ' = {}'}")
    sent = f"'{route.method}', `{path}`, {'query' if route.query else '{}'}, {'body' if route.body else 'null'}"
    return [
        _doc(route.doc, "  "),
        f"  async {route.name}({', '.join(parameters)}): Promise<{route.answer.__name__}> {{",
        f"    return (await this.send({sent})) as {route.answer.__name__};",
        "  }",
    ]


def _doc(text: str, indent: str) -> str:
    lines = text.splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */"
    return "\n".join([f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"])


def main() -> int:
    """Write the module; with `--check` only compare."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page()
    if stale:
        sys.stdout.write(f"{PAGE.name} is stale: run `python -m aca_notebook.server.typescript`\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
