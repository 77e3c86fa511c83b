"""The page of what is offered, from routes as they say of themselves."""

from __future__ import annotations

from aca_notebook.emulator.coverage import coverage_page
from aca_notebook.emulator.wire import Check, Door, Offer, Route

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.App"


async def _never(_):
    raise AssertionError


def route(operation: str, template: str = f"{GROUP}/things/{{name}}", **said) -> Route:
    return Route("GET", template, said.pop("door", Door.ARM), operation, _never, **said)


def test_a_row_says_how_much_there_is_and_what_checks_it():
    page = coverage_page([
        route("Things_Get", offer=Offer.STORED, checked=Check.RECORDING | Check.SDK),
        route("Things_List", f"{GROUP}/things"),
        route("Others_Get", offer=Offer.REFUSED),
    ])  # fmt: skip
    assert "| Get | `GET …/things/{name}` | stored only | recording, SDK |" in page
    assert "| List | `GET …/things` | works | - |" in page
    assert "3 operations: 1 work, 1 are stored only, 1 are refused; 1 are checked against Azure." in page
    assert page.index("## Others") < page.index("## Things")


def test_an_operation_at_several_scopes_is_one_row_and_the_emulators_own_are_none():
    page = coverage_page([
        route("Roles_Get", "/subscriptions/{subscription}/providers/Microsoft.Authorization/roles"),
        route("Roles_Get"),
        route("Control_Stop", "/_emulator/stop", door=Door.CONTROL),
    ])  # fmt: skip
    assert page.count("| Get |") == 1
    assert "Control" not in page
