"""The parts of an environment that hold secrets."""

from __future__ import annotations

import datetime as dt

import pytest

from aca_notebook.emulator.arm.environment_parts import application_insights, custom_domain, open_telemetry
from aca_notebook.emulator.arm.environment_rules import settled_properties
from aca_notebook.emulator.wire import AzureError
from aca_notebook.model.ids import environment_id
from tests.emulator.nouns.test_children import pfx

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OF_THE_FILE = ("thumbprint", "subjectName", "expirationDate")


def test_a_domain_is_answered_with_what_its_certificate_says_and_not_with_the_certificate() -> None:
    asked = {"dnsSuffix": "apps.example.org", "certificateValue": pfx("word"), "certificatePassword": "word"}
    shown = custom_domain(asked, {}, "ID", NOW)
    assert (shown["dnsSuffix"], shown["subjectName"]) == ("apps.example.org", "CN=example.org")
    assert (shown["certificateValue"], shown["certificatePassword"]) == (None, None)
    assert len(shown["thumbprint"]) == 40


def test_another_suffix_keeps_the_certificate() -> None:
    """`az containerapp env update --dns-suffix` sends no certificate again."""
    first = custom_domain({"dnsSuffix": "a.org", "certificateValue": pfx("w"), "certificatePassword": "w"}, {}, "", NOW)
    second = custom_domain({"dnsSuffix": "b.org"}, first, "", NOW)
    assert second == first | {"dnsSuffix": "b.org"}
    assert custom_domain({}, first, "", NOW)["thumbprint"] is None


def test_a_certificate_that_cannot_be_read_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(AzureError) as refused:
        custom_domain({"dnsSuffix": "a.org", "certificateValue": "c2VjcmV0"}, {}, "", NOW)
    assert refused.value.code == "CertificateInvalid"
    assert "c2VjcmV0" not in refused.value.message


def test_telemetry_is_answered_without_keys() -> None:
    """Checked by the CLI's own suite: `key` and `connectionString` are null, the rest comes back."""
    asked = {
        "destinationsConfiguration": {
            "dataDogConfiguration": {"site": "eu", "key": "secret"},
            "otlpConfigurations": [{"name": "o", "endpoint": "e", "headers": [{"key": "k", "value": "secret"}]}],
        },
        "tracesConfiguration": {"destinations": ["dataDog"]},
    }
    shown = open_telemetry(asked)
    assert shown is not None
    assert "secret" not in str(shown)
    assert shown["destinationsConfiguration"]["dataDogConfiguration"] == {"site": "eu", "key": None}
    assert shown["destinationsConfiguration"]["otlpConfigurations"][0]["headers"] == [{"key": "k", "value": None}]
    assert shown["tracesConfiguration"] == {"destinations": ["dataDog"]}
    assert (open_telemetry({}), application_insights({})) == (None, None)
    assert application_insights({"connectionString": "secret"}) == {"connectionString": None}


def test_a_network_that_says_nothing_is_none() -> None:
    """Recorded by Microsoft's PowerShell suite."""
    id_ = environment_id("s", "g", "e")
    settled = settled_properties(id_, "East US", {"vnetConfiguration": {"internal": False}}, {}, NOW)
    assert settled["vnetConfiguration"] is None
    assert settled["infrastructureResourceGroup"] is None
