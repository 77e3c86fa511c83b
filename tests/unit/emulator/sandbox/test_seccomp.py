"""The filter of system calls, run as the kernel would."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.emulator.sandbox import seccomp
from aca_notebook.emulator.sandbox.seccomp import Around, make_filter

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7
MACHINES = {"x86_64": (X86, 0), "aarch64": (ARM, 1)}
FILTERS = [(machine, around) for machine in MACHINES for around in Around]


def decide(program: bytes, number: int, arguments: tuple[int, ...] = (), audit: int = X86) -> int:
    """Run the program on one call: the few instructions that it is made of, as <linux/bpf_common.h> defines them."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *(*arguments, *[0] * (6 - len(arguments))))
    steps = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    at, loaded = 0, 0
    while True:
        code, then, otherwise, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            loaded = struct.unpack_from("=I", data, value)[0]
        elif code == 0x54:
            loaded &= value
        elif code in {0x15, 0x25}:
            at += then if (loaded == value if code == 0x15 else loaded > value) else otherwise
        else:
            pytest.fail(f"an instruction nobody meant: {code:#x}")


def refusal(error: int) -> int:
    return ERRNO | error


@pytest.mark.parametrize(("machine", "around"), FILTERS)
def test_every_call_of_the_table_is_refused(machine: str, around: Around) -> None:
    audit, column = MACHINES[machine]
    program = make_filter(machine, around)

    for name, numbers in seccomp.refused_calls().items():
        if numbers[column] is not None:
            assert decide(program, numbers[column], audit=audit) in {refusal(errno.EPERM), refusal(errno.ENOSYS)}, name


@pytest.mark.parametrize(("machine", "around"), FILTERS)
@given(number=st.integers(451, 2**32 - 1))
def test_a_call_that_is_not_known_does_not_exist(machine: str, around: Around, number: int) -> None:
    assert decide(make_filter(machine, around), number, audit=MACHINES[machine][0]) == refusal(errno.ENOSYS)


@pytest.mark.parametrize(("machine", "around"), FILTERS)
@given(
    number=st.integers(0, 2**32 - 1), words=st.tuples(*[st.integers(0, 2**64 - 1)] * 6), audit=st.integers(0, 2**32 - 1)
)
def test_every_program_ends_with_an_answer(machine: str, around: Around, number: int, words, audit: int) -> None:
    answer = decide(make_filter(machine, around, pinned=True, counted=False), number, words, audit)

    assert answer == KILL if audit != MACHINES[machine][0] else answer == ALLOW or answer & 0xFFFF0000 == ERRNO


@pytest.mark.parametrize(("number", "audit"), [(101, ARM), (0, 0x40000003), (59, 0)])
def test_a_call_in_another_machines_numbers_ends_the_program(number: int, audit: int) -> None:
    assert decide(make_filter("x86_64", Around.NAMESPACES), number, audit=audit) == KILL


def test_a_thread_can_be_made_and_a_namespace_cannot() -> None:
    program = make_filter("x86_64", Around.NAMESPACES)

    assert decide(program, 56, (0x3D0F00,)) == ALLOW
    for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(program, 56, (0x3D0F00 | flag,)) == refusal(errno.EPERM), hex(flag)


@pytest.mark.parametrize(
    ("family", "where"), [(1, "apart, paths"), (2, "apart"), (10, "apart"), (16, "apart"), (17, ""), (40, "")]
)  # fmt: skip
def test_the_families_of_sockets(family: int, where: str) -> None:
    for around, word in ((Around.NAMESPACES, "apart"), (Around.PATHS, "paths")):
        assert (decide(make_filter("x86_64", around), 41, (family, 1)) == ALLOW) is (word in where), around


@pytest.mark.parametrize(
    ("call", "arguments"), [(42, ()), (41, (1, 2)), (41, (1, 0x80002)), (53, (1, 2)), (302, (77,))]
)
def test_where_only_paths_are_guarded_nothing_is_called_and_nobody_limited(call: int, arguments) -> None:
    assert decide(make_filter("x86_64", Around.PATHS), call, arguments) != ALLOW
    assert decide(make_filter("x86_64", Around.NAMESPACES), call, arguments) == ALLOW


@pytest.mark.parametrize("number", [90, 268, 92, 260, 280])
def test_where_only_paths_are_guarded_a_mode_by_path_changes_nothing_and_says_it_did(number: int) -> None:
    assert decide(make_filter("x86_64", Around.PATHS), number) == refusal(0)


@pytest.mark.parametrize(("option", "number"), [("pinned", 203), ("counted", 319)])
def test_what_nothing_else_bounds_is_not_to_be_had(option: str, number: int) -> None:
    bounded = make_filter("x86_64", Around.NAMESPACES)
    unbounded = make_filter("x86_64", Around.NAMESPACES, **{option: option == "pinned"})

    assert decide(bounded, number) == ALLOW
    assert decide(unbounded, number) != ALLOW


@pytest.mark.parametrize("command", [0x5412, 0x541C])
def test_nothing_is_typed_into_a_terminal(command: int) -> None:
    assert decide(make_filter("x86_64", Around.NAMESPACES), 16, (0, command)) == refusal(errno.EPERM)
    assert decide(make_filter("x86_64", Around.NAMESPACES), 16, (0, 0x5401)) == ALLOW


def test_a_machine_without_tables_has_no_filter() -> None:
    assert not seccomp.can_filter("riscv64")
    with pytest.raises(KeyError):
        make_filter("riscv64", Around.NAMESPACES)
