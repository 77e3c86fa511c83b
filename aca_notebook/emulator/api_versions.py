"""Which api-versions a resource type has, as the service lists them itself (facts §0.2; recorded: every answer)."""

from __future__ import annotations

import re
from datetime import date

#: What the newest recordings list, and what newer clients send besides.
_APP = (
    "2022-03-01", "2022-06-01-preview", "2022-10-01", "2022-11-01-preview", "2023-04-01-preview", "2023-05-01",
    "2023-05-02-preview", "2023-08-01-preview", "2023-11-02-preview", "2024-02-02-preview", "2024-03-01",
    "2024-08-02-preview", "2024-10-02-preview", "2025-01-01", "2025-02-02-preview", "2025-07-01",
    "2025-10-02-preview", "2026-07-01",
)  # fmt: skip
_WORKSPACES = (
    "2015-03-20",
    "2020-08-01",
    "2020-10-01",
    "2021-06-01",
    "2022-10-01",
    "2023-09-01",
    "2025-02-01",
    "2025-04-01",
)
#: The first version of a type, by a segment of its path; a type has that of its last segment named here.
_FIRST = {
    "jobs": "2022-11-01-preview",
    "managedcertificates": "2022-11-01-preview",
    "availablemanagedenvironmentsworkloadprofiletypes": "2022-06-01-preview",
    "billingmeters": "2022-06-01-preview",
    "sessionpools": "2023-08-01-preview",
    "builders": "2023-08-01-preview",
    "resiliencypolicies": "2023-08-01-preview",
    "operationstatuses": "2023-08-01-preview",
    "operationresults": "2023-08-01-preview",
}
_JOB_OPERATIONS = "containerappsjoboperation"
#: What the list above has and these types never had (recorded: sessionpool_e2e, resiliency).
_NEVER = {"sessionpools": ("2024-03-01",), "operationstatuses": ("2024-03-01",), "operationresults": ("2024-03-01",)}
_PREVIEW_ONLY = ("builders", "resiliencypolicies")
#: What comes before any version of Microsoft.App.
EARLIEST = "2022-01-01-preview"
_FORM = re.compile(r"(\d{4}-\d{2}-\d{2})(-[a-z]+(\.\d+)?)?", re.IGNORECASE)


def is_version(text: str) -> bool:
    """Tell whether a text has the form of an api-version."""
    found = _FORM.fullmatch(text)
    if found is None:
        return False
    try:
        date.fromisoformat(found[1])
    except ValueError:
        return False
    return True


def supported(template: str, asked: str) -> str:
    """Return what `api-supported-versions` says of a route asked at one version; empty when its type tells none."""
    namespace, types = type_of(template)
    if namespace == "microsoft.app":
        return ", ".join(_of_app(types))
    if namespace == "microsoft.containerregistry":
        return asked  # the registry's frontend names the version it was asked at (recorded: registry_identity_system)
    if namespace == "microsoft.operationalinsights":
        return ", ".join(_WORKSPACES)
    return ""


def first(template: str) -> str:
    """Return the first version of a route's type; empty when nothing is known of it."""
    namespace, types = type_of(template)
    if namespace != "microsoft.app":
        return ""
    found = _of_app(types)[0]
    return EARLIEST if found == _APP[0] else found


def type_of(template: str) -> tuple[str, tuple[str, ...]]:
    """Return the namespace and the types a route's path names, in lower case; nothing for one without a provider."""
    _, provider, tail = template.lower().rpartition("/providers/")
    if not provider:
        return "", ()
    namespace, *rest = tail.split("/")
    return namespace, tuple(part for part in rest if not part.startswith("{"))


def _of_app(types: tuple[str, ...]) -> tuple[str, ...]:
    named = [part for part in types if part in _FIRST]
    if any(part.startswith(_JOB_OPERATIONS) for part in types):
        named = ["jobs"]
    if not named:
        return _APP
    kind = named[-1]
    return tuple(
        each
        for each in _APP
        if each >= _FIRST[kind]
        and each not in _NEVER.get(kind, ())
        and (kind not in _PREVIEW_ONLY or each.endswith("preview"))
    )
