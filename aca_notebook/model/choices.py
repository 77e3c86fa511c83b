"""What a person could choose for a target: subscriptions, environments, registries, and the line that chooses them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that the person may use."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """An environment to deploy to; `gpus` are those whose profile it has."""

    name: str
    resource_group: str
    location: str
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that can keep images."""

    name: str
    resource_group: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is; `subscription_id` is the one whose environments and registries were looked up, or empty."""

    subscriptions: tuple[Subscription, ...] = ()
    subscription_id: str = ""
    places: tuple[Place, ...] = ()
    registries: tuple[Registry, ...] = ()


def lines(found: Choices, most: int = 5) -> tuple[str, ...]:
    """Return the lines that choose, the likeliest first: a subscription, or an environment with a registry beside it.

    The last one makes what there is not, after a plan with prices. Empty without a subscription.
    """
    if not found.subscription_id:
        return tuple(
            f"%aca target azure --subscription {each.id}  # {each.name}" for each in found.subscriptions[:most]
        )
    ranked = sorted(found.places, key=lambda place: (not place.gpus, place.resource_group, place.name))
    chosen = []
    for place in ranked[:most]:
        near = sorted(found.registries, key=lambda each: (each.resource_group != place.resource_group, each.name))
        registry = f" --registry {near[0].name}" if near else ""
        said = f"{place.location}{', ' + '/'.join(place.gpus) if place.gpus else ''}"
        chosen.append(
            f"%aca target azure --subscription {found.subscription_id} -g {place.resource_group} "
            f"--environment {place.name}{registry}  # {said}"
        )
    make = f"%aca setup azure --subscription {found.subscription_id} -l REGION  # makes one, after a plan with prices"
    return (*chosen, make)


def missing_words(found: Choices) -> str:
    """Say what there is none of, empty when there is something of all."""
    if not found.subscription_id:
        return "" if found.subscriptions else "your sign-in has no subscription"
    none = [word for word, there in (("environment", found.places), ("registry", found.registries)) if not there]
    return f"the subscription has no {' and no '.join(none)} yet" if none else ""
