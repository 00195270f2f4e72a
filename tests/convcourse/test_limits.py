"""What there is where submissions are graded is known at home."""

from convcourse import limits


def test_numpy_and_the_standard_library_are_there_and_torch_is_not():
    assert [limits.is_available(name) for name in ("numpy", "math", "torch", "scipy")] == [True, True, False, False]
