from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aca_notebook.model import quantities


@pytest.mark.parametrize(
    ("text", "size"),
    [("1Gi", 2**30), ("1.0Gi", 2**30), ("0.5Gi", 2**29), ("512Mi", 2**29), ("56Gi", 56 * 2**30), ("1000", 1000)],
)
def test_memory_is_read_in_every_spelling_azure_takes(text, size):
    assert quantities.parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "Gi", "-1Gi", "0Gi", "1 Gigabyte", "1e3Gi"])
def test_what_is_no_memory_size_is_refused(text):
    with pytest.raises(ValueError, match="memory size"):
        quantities.parse_memory(text)


@given(st.integers(1, 4096))
def test_a_memory_size_survives_being_written_and_read(quarters):
    size = quarters * 2**28
    assert quantities.parse_memory(quantities.format_memory(size)) == size


@pytest.mark.parametrize(("value", "cores"), [(0.5, 0.5), ("0.25", 0.25), ("4", 4.0), (8, 8.0)])
def test_cores_may_come_as_text(value, cores):
    assert quantities.parse_cpu(value) == cores


@pytest.mark.parametrize("value", ["", "many", 0, -1, "NaN", "inf"])
def test_what_is_no_number_of_cores_is_refused(value):
    with pytest.raises(ValueError, match="cores"):
        quantities.parse_cpu(value)


@pytest.mark.parametrize(
    ("cores", "on_gpu", "size"),
    [(0.25, False, "1Gi"), (0.5, False, "2Gi"), (1, False, "4Gi"), (4, False, "8Gi"), (8, True, "")],
)
def test_scratch_space_follows_the_cores_and_is_empty_on_a_gpu_profile(cores, on_gpu, size):
    assert quantities.ephemeral_storage(cores, on_gpu=on_gpu) == size
