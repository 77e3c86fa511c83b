"""Secrets of an app by name: where the value lies and what reads it, never the value."""

from __future__ import annotations

import pytest

from aca_notebook.model.secret import SecretState, check_secret_name, check_vault_url, read_secrets


@pytest.mark.parametrize("name", ["hf-token", "a", "a.b-c", "0"])
def test_names_that_azure_takes_are_taken(name: str) -> None:
    check_secret_name(name)


@pytest.mark.parametrize("name", ["", "HF_TOKEN", "-a", "a-", "a b", "ä", "a" * 254, "a\n"])
def test_names_that_azure_refuses_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a secret's name"):
        check_secret_name(name)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://v.vault.azure.net/secrets/x", True),
        ("https://v.vault.azure.net/secrets/x/0123456789abcdef", True),
        ("https://v.vault.usgovcloudapi.net/secrets/x", True),
        ("http://v.vault.azure.net/secrets/x", False),
        ("https://v.vault.azure.net/keys/x", False),
        ("https://evil.example.com/secrets/x", False),
    ],
)
def test_a_key_vault_secret_is_known_by_its_address(url: str, good: bool) -> None:  # noqa: FBT001  # a table's column
    if good:
        check_vault_url(url)
    else:
        with pytest.raises(ValueError, match="no secret of a vault"):
            check_vault_url(url)


def test_who_reads_a_secret_is_told_variables_and_files() -> None:
    vault = "https://v.vault.azure.net/secrets/x"
    document = {
        "properties": {
            "configuration": {"secrets": [{"name": "b"}, {"name": "a", "keyVaultUrl": vault, "identity": "system"}]},
            "template": {
                "initContainers": [{"env": [{"name": "EARLY", "secretRef": "b"}]}],
                "containers": [{"env": [{"name": "TOKEN", "secretRef": "b"}, {"name": "PLAIN", "value": "1"}]}],
                "volumes": [{"name": "files", "secrets": [{"secretRef": "a", "path": "key.pem"}]}],
            },
        }
    }
    assert read_secrets(document) == (
        SecretState("a", vault, "system", ("files/key.pem",)),
        SecretState("b", read_by=("EARLY", "TOKEN")),
    )
    assert read_secrets({}) == ()
