"""Nobody can make this service call into its own network, stay long, or read much."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inventory_assets.live.outbox import sending
from inventory_assets.live.outbox.addresses import (
    TargetPolicy,
    TargetRefusedError,
    parse_target,
    pinned,
    refusal,
    system_resolver,
)
from inventory_assets.settings import WebhookSettings
from inventory_assets_tests.live.hooked import LOOPBACK, Clock, attempts, dispatcher, hooked, registered, tell

CLOSED = TargetPolicy()
REFUSED = [
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "2001:db8::1", "::127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_of_our_own_and_of_nobody_are_refused(address):
    assert refusal(ip_address(address), 443, CLOSED) is not None


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses_are_taken_at_usual_ports_only(address):
    assert refusal(ip_address(address), 443, CLOSED) is None
    assert "port 22" in refusal(ip_address(address), 22, CLOSED)


def test_a_network_that_is_meant_is_allowed_and_no_other():
    policy = TargetPolicy(networks=(ip_network("10.1.0.0/16"),))
    assert refusal(ip_address("10.1.2.3"), 9000, policy) is None
    assert refusal(ip_address("::ffff:10.1.2.3"), 9000, policy) is None
    assert refusal(ip_address("10.2.2.3"), 443, policy) is not None


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]"])
def test_other_ways_to_write_our_own_address_are_refused_too(host):
    target = parse_target(f"https://{host}/", CLOSED)
    with pytest.raises(TargetRefusedError):
        asyncio.run(pinned(target, CLOSED, system_resolver))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com", "http://example.com", "https://", "https://a@example.com", "https://a:b@example.com/",
        "https://example.com/#x", "https://example.com:99999/", "https://exa mple.com", "https://example.com\\@10.0.0.1/",
        "https://[::1", "//example.com", "https://ex\u00e4mple.com", "https://example.com/\r\nX: y",
        "https://example.com/" + "x" * 2048,
    ],
)  # fmt: skip
def test_addresses_that_mean_something_else_to_somebody_are_refused(url):
    with pytest.raises(TargetRefusedError):
        parse_target(url, CLOSED)


def test_a_name_with_one_private_address_is_refused_whole():
    async def both(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(TargetRefusedError, match=r"10\.0\.0\.1"):
        asyncio.run(pinned(parse_target("https://example.com", CLOSED), CLOSED, both))


def test_the_connection_goes_to_the_judged_address_though_the_name_means_another_one_a_moment_later(engine):
    with hooked() as hook:
        port = int(hook.url.split(":")[2].split("/")[0])
        answers = [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]]
        asked = []

        async def rebinding(host: str, _port: int) -> Sequence[str]:
            asked.append(host)
            return answers[len(asked) - 1]

        number, _ = registered(engine, f"http://hooks.example:{port}/x")
        tell(engine, 1, 2)
        clock = Clock()
        sender = dispatcher(engine, clock, resolve=rebinding)
        sender.serve_due()
        clock.forward(20)
        sender.serve_due()
        assert asked == ["hooks.example"] * 3
        assert len(hook.came) == 1
        assert hook.came[0].headers["host"] == f"hooks.example:{port}"
        said = [each.error for each in attempts(engine, number)]
        assert said[0] is None
        assert "hooks.example is 10.0.0.1" in said[1]
        assert "hooks.example is 169.254.169.254" in said[2]


def certificate(folder: Path, name: str) -> Path:
    """A file with a certificate for a name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / f"{name}.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


def test_the_certificate_is_that_of_the_name_though_the_connection_goes_to_an_address(engine, tmp_path, monkeypatch):
    async def here(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    file = certificate(tmp_path, "hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    sending._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    asked = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with hooked(context) as hook:
        port = int(hook.url.split(":")[2].split("/")[0])
        number, _ = registered(engine, f"https://hooks.example:{port}/")
        other, _ = registered(engine, f"https://other.example:{port}/", number=2)
        tell(engine, 1)
        dispatcher(engine, Clock(), resolve=here).serve_due()
        assert [each.status for each in attempts(engine, number)] == ["delivered"]
        assert "ConnectError" in attempts(engine, other)[0].error
        assert "other.example" in attempts(engine, other)[0].error
        assert sorted(asked) == ["hooks.example", "other.example"]
        assert len(hook.came) == 1
    sending._tls.cache_clear()


def test_redirects_are_not_followed(engine):
    with hooked() as hook, hooked() as inner:
        hook.answers.append(302)
        hook.headers["Location"] = inner.url
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        dispatcher(engine, Clock()).serve_due()
        assert (len(hook.came), len(inner.came)) == (1, 0)
        assert "redirects are not followed" in attempts(engine, number)[0].error


def test_a_slow_receiver_costs_the_time_allowed_and_no_more(engine):
    options = LOOPBACK.model_copy(update={"timeout_seconds": 0.3})
    with hooked() as hook:
        hook.answers.append(lambda: time.sleep(2))
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        began = time.monotonic()
        dispatcher(engine, Clock(), options).serve_due()
        assert time.monotonic() - began < 1.5
        assert attempts(engine, number)[0].status == "failed"


def test_what_the_receiver_writes_is_not_read_to_its_end_and_not_kept(engine):
    with hooked() as hook:
        hook.body = b"secret of the receiver " * 1_000_000
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        dispatcher(engine, Clock()).serve_due()
        attempt = attempts(engine, number)[0]
        assert attempt.status == "delivered"
        assert "secret" not in repr(attempt)


def test_nobody_listening_and_no_such_name_are_failures_with_their_reason(engine):
    async def nowhere(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    number, _ = registered(engine, "http://127.0.0.1:9/")
    tell(engine, 1)
    dispatcher(engine, Clock()).serve_due()
    assert "ConnectError" in attempts(engine, number)[0].error
    clock = Clock()
    clock.forward(20)
    dispatcher(engine, clock, resolve=nowhere).serve_due()
    assert "has no address" in attempts(engine, number)[1].error


def test_the_settings_refuse_everything_private_unless_told():
    settings = WebhookSettings()
    assert not settings.plain_http
    assert settings.networks == ()
