from __future__ import annotations

import socket

import pytest
from conftest import free_ports

from demo import ports
from demo.errors import DemoError
from demo.ports import check_port, check_ports

HERE = ("127.0.0.1", 0)


def test_free_ports_pass() -> None:
    check_ports(*free_ports(2))


def test_a_port_whose_last_user_has_just_gone_passes() -> None:
    with socket.create_server(HERE) as server:
        address = server.getsockname()
        with socket.create_connection(address) as browser:
            server.accept()[0].close()  # the side that closes first keeps the port for a while
            assert browser.recv(1) == b""
    check_port(address[1], "--port")


@pytest.mark.parametrize("listening", [True, False])
def test_a_port_in_use_does_not(*, listening: bool) -> None:
    with socket.socket() as other:
        other.bind(HERE)
        if listening:
            other.listen()
        port = other.getsockname()[1]
        said = rf"^port {port} cannot be used: Address already in use; .* with --port$"
        with pytest.raises(DemoError, match=said) as raised:
            check_port(port, "--port")
    assert raised.value.exit_code == 2


def test_what_localhost_means_by_ipv6_counts() -> None:
    if "::1" not in {address[4][0] for address in socket.getaddrinfo("localhost", None)}:
        pytest.skip("needs a localhost that is ::1, too")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(DemoError, match="Address already in use"):
            check_port(port, "--port")


def test_what_answers_counts_though_the_address_can_be_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "why_not", lambda _: "")  # as macOS has it
    with socket.create_server(HERE) as other:
        port = other.getsockname()[1]
        with pytest.raises(DemoError, match="Address already in use"):
            check_port(port, "--port")
    check_port(port, "--port")


def test_two_servers_need_two_ports() -> None:
    (port,) = free_ports(1)
    with pytest.raises(DemoError, match=f"are both {port}; choose two") as raised:
        check_ports(port, port)
    assert raised.value.exit_code == 2


def test_airplay_is_named_for_its_port_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ports.AIRPLAY_PORT == 5000
    with socket.create_server(HERE) as other:
        port = other.getsockname()[1]
        with pytest.raises(DemoError, match=r"^[^A]*Address[^A]*$"):
            check_port(port, "--inference-port")
        monkeypatch.setattr(ports, "AIRPLAY_PORT", port)
        with pytest.raises(DemoError, match=r"in use \(on macOS by AirPlay: .*\); stop what uses"):
            check_port(port, "--inference-port")
