"""Passwords that people paste into command lines."""

from aca_notebook.emulator.identity.passwords import new_password


def test_a_password_is_never_taken_for_an_option_and_never_the_same():
    made = {new_password() for _ in range(2000)}
    assert len(made) == 2000
    assert all(each[0].isalpha() and len(each) > 40 for each in made)
