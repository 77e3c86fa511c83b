"""What a person could choose is given as the line that chooses it, the likeliest first."""

from __future__ import annotations

from aca_notebook.model.choices import Choices, Place, Registry, Subscription, lines, missing_words

PLAIN = Place("plain", "a", "eastus")
GPU = Place("gpu-env", "b", "westus3", ("T4",))


def test_without_a_subscription_the_subscriptions_are_offered() -> None:
    found = Choices((Subscription("1", "Research"), Subscription("2", "Shop")))
    assert lines(found) == (
        "%aca target azure --subscription 1  # Research",
        "%aca target azure --subscription 2  # Shop",
    )
    assert missing_words(found) == ""
    assert missing_words(Choices()) == "your sign-in has no subscription"


def test_an_environment_with_a_gpu_comes_first_with_the_registry_of_its_group() -> None:
    found = Choices((), "1", (PLAIN, GPU), (Registry("far", "z"), Registry("near", "b")))
    assert lines(found)[0] == (
        "%aca target azure --subscription 1 -g b --environment gpu-env --registry near  # westus3, T4"
    )
    assert lines(found)[1].startswith("%aca target azure --subscription 1 -g a --environment plain --registry far")


def test_what_there_is_none_of_is_said() -> None:
    assert missing_words(Choices((), "1")) == "the subscription has no environment and no registry yet"
    assert missing_words(Choices((), "1", (PLAIN,))) == "the subscription has no registry yet"
    make = "%aca setup azure --subscription 1 -l REGION  # makes one, after a plan with prices"
    assert lines(Choices((), "1")) == (make,)
    assert lines(Choices((), "1", (PLAIN,))) == (
        "%aca target azure --subscription 1 -g a --environment plain  # eastus",
        make,
    )


def test_no_more_is_listed_than_can_be_read() -> None:
    many = Choices(tuple(Subscription(str(number), "x") for number in range(50)))
    assert len(lines(many)) == 5
