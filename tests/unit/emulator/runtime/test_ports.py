"""Ports that nobody else gets."""

from __future__ import annotations

import socket

import pytest

from aca_notebook.emulator.runtime.ports import ContainerPorts, NoPortFree

FEW = range(29980, 29984)


def test_two_emulators_never_lease_the_same_port_even_before_a_program_listens():
    one, other = ContainerPorts(FEW), ContainerPorts(FEW)
    leased = [one.lease(), other.lease(), one.lease(), other.lease()]
    assert sorted(leased) == list(FEW)
    with pytest.raises(NoPortFree):
        one.lease()
    for ports in (one, other):
        for port in leased:
            ports.give_back(port)


def test_a_port_that_someone_listens_on_is_passed_over():
    ports = ContainerPorts(FEW)
    with socket.create_server(("127.0.0.1", FEW[0])):
        assert ports.lease() == FEW[1]
    ports.give_back(FEW[1])


def test_a_port_given_back_is_not_the_next_to_be_leased():
    ports = ContainerPorts(FEW)
    first = ports.lease()
    ports.give_back(first)
    second = ports.lease()
    ports.give_back(second)
    assert second != first
