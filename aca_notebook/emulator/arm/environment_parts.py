"""Parts of an environment that hold secrets: read, and answered without them. Pure.

A connection string, a key and a header's value are taken and never answered (Microsoft's CLI suites check that they
come back as null); nothing here uses them, so they are not kept either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.values import member, text
from aca_notebook.emulator.arm.x509_files import described, read_certificate

if TYPE_CHECKING:
    from datetime import datetime

Document = dict[str, Any]
_OF_THE_FILE = ("thumbprint", "subjectName", "expirationDate")


def custom_domain(asked: Document, kept: Document, verification_id: str, now: datetime) -> Document:
    """Return the domain that an environment's apps are under besides its own; `kept` is what stood there.

    Raises `AzureError` 400 for a certificate that cannot be read.
    """
    path = "properties.customDomainConfiguration"
    suffix = text(asked.get("dnsSuffix"), f"{path}.dnsSuffix") or None
    value = text(asked.get("certificateValue"), f"{path}.certificateValue")
    of_the_file: Document = dict.fromkeys(_OF_THE_FILE)
    if value:
        password = text(asked.get("certificatePassword"), f"{path}.certificatePassword")
        found = described(read_certificate(value, password), now)
        of_the_file = {name: found[name] for name in _OF_THE_FILE}
    elif suffix:
        of_the_file = {name: kept.get(name) for name in _OF_THE_FILE}
    return {
        "customDomainVerificationId": verification_id,
        "dnsSuffix": suffix,
        "certificateKeyVaultProperties": asked.get("certificateKeyVaultProperties"),
        "certificateValue": None,
        "certificatePassword": None,
    } | of_the_file


def application_insights(asked: Document) -> Document | None:
    """Return where telemetry goes, without how to get in there."""
    return {"connectionString": None} if asked else None


def open_telemetry(asked: Document) -> Document | None:
    """Return where signals go, without keys and the values of headers."""
    if not asked:
        return None
    path = "properties.openTelemetryConfiguration"
    shown = dict(asked)
    destinations = dict(member(asked.get("destinationsConfiguration"), f"{path}.destinationsConfiguration"))
    dog = member(destinations.get("dataDogConfiguration"), f"{path}.destinationsConfiguration.dataDogConfiguration")
    if dog:
        destinations["dataDogConfiguration"] = dog | {"key": None}
    collectors = destinations.get("otlpConfigurations")
    if isinstance(collectors, list):
        destinations["otlpConfigurations"] = [_collector(each) for each in collectors]
    if destinations:
        shown["destinationsConfiguration"] = destinations
    return shown


def _collector(asked: Any) -> Document:
    collector = dict(
        member(asked, "properties.openTelemetryConfiguration.destinationsConfiguration.otlpConfigurations")
    )
    headers = collector.get("headers")
    if isinstance(headers, list):
        collector["headers"] = [{"key": each.get("key"), "value": None} for each in headers if isinstance(each, dict)]
    return collector
