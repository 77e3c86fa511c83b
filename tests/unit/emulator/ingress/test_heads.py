"""What a request's head asks for, and what is refused because two readers could take it differently."""

from __future__ import annotations

import pytest

from aca_notebook.emulator.ingress.heads import HEAD_BYTES, HEADERS, TOO_LARGE, Asked, Fault, is_foreign, read_request

HOST = (b"Host", b"app.example:8080")


def read(*headers, method=b"GET", target=b"/x?y=1", version="1.1"):
    return read_request(method, target, version, headers)


def test_a_plain_head_is_read():
    assert read(HOST, (b"Upgrade", b"websocket")) == Asked(b"/x?y=1", b"app.example:8080", b"websocket", chunked=False)
    assert read(HOST, (b"transfer-encoding", b"Chunked")).chunked


@pytest.mark.parametrize(
    "host", [b"", b"a", b"a_b.c-d.", b"127.0.0.1:80", b"[::1]", b"[::1]:80", b"x%20y", b"a ", b"a:"]
)
def test_a_host_name_passes(host):
    assert read((b"Host", host)) == Asked(b"/x?y=1", host.strip(), b"", chunked=False)


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"u@a", b"a:b", b"[::1", b"::1", b"a\tb", b"a#", b"a?", b"\xc3\xa9"])
def test_what_is_no_host_name_is_refused(host):
    assert read((b"Host", host)).status == 400


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"http://app.example:8080/x?y=http://z", b"/x?y=http://z"), (b"HTTPS://APP.example:8080/", b"/"),
        (b"http://app.example:8080", b"/"), (b"http://app.example:8080?q", b"/?q"), (b"//other/x", b"//other/x"),
    ],
)  # fmt: skip
def test_a_target_reaches_the_replica_without_scheme_and_host(target, seen):
    assert read(HOST, target=target).target == seen


@pytest.mark.parametrize(
    "target",
    [
        b"http://other.example/", b"http://app.example/", b"http://u@app.example:8080/", b"ftp://app.example:8080/",
        b"http:/x", b"x", b"*", b"", b"/x#y", b"http://app.example:8080#y",
    ],
)  # fmt: skip
def test_a_target_that_is_no_path_or_names_another_host_is_refused(target):
    assert read(HOST, target=target).status == 400


def test_only_options_has_the_target_star():
    assert read(HOST, method=b"OPTIONS", target=b"*").target == b"*"


@pytest.mark.parametrize("target", [b"app.example:8080", b"/x", b"http://app.example:8080/"])
def test_a_tunnel_to_elsewhere_is_refused(target):
    assert read(HOST, method=b"CONNECT", target=target).status == 400


def test_an_old_client_may_leave_the_host_out():
    assert read(version="1.0") == Asked(b"/x?y=1", b"", b"", chunked=False)
    assert read(version="1.0", target=b"http://a/x") == Asked(b"/x", b"a", b"", chunked=False)
    assert read(version="1.0", target=b"http://u@a/x").status == 400


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0"])
def test_another_version_is_refused(version):
    assert read(HOST, version=version).status == 400


@pytest.mark.parametrize("headers", [(), (HOST, HOST), (HOST, (b"hOST", b"other"))])
def test_a_request_without_exactly_one_host_is_refused(headers):
    assert read(*headers).status == 400
    assert not headers or read(*headers, version="1.0").status == 400


@pytest.mark.parametrize("codings", [[b"xchunked"], [b"gzip, chunked"], [b"gzip", b"chunked"], [b"identity"], [b""]])
def test_a_coding_other_than_chunked_is_refused(codings):
    assert read(HOST, *((b"Transfer-Encoding", coding) for coding in codings)).status == 400


def test_an_old_client_cannot_send_chunks():
    assert read(HOST, (b"Transfer-Encoding", b"chunked"), version="1.0").status == 400


def test_a_head_may_have_100_headers_and_64_kib():
    more = [(b"X-%02d" % number, b"") for number in range(HEADERS - 1)]
    assert isinstance(read(HOST, *more), Asked)
    assert read(HOST, *more, (b"X", b"")) == TOO_LARGE
    rest = HEAD_BYTES - len(b"/x?y=1") - len(b"Host") - len(HOST[1]) - 4 - len(b"X") - 4
    assert isinstance(read(HOST, (b"X", b"v" * rest)), Asked)
    assert read(HOST, (b"X", b"v" * (rest + 1))) == TOO_LARGE
    assert isinstance(TOO_LARGE, Fault)


def test_a_custom_domain_is_no_foreign_name():
    domains = frozenset({"models.example.org"})
    assert not is_foreign(b"models.example.org", domains)
    assert not is_foreign(b"Models.Example.org:8400", domains)
    assert is_foreign(b"other.example.org", domains)
