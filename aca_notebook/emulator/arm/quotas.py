"""How much a subscription may have in a region: the recorded limits, or what a fault in force makes of them.

The limits are listed (recorded: env_usages) and not enforced, for this machine is no region. One that a fault sets is,
so that a day without quota can be rehearsed. The refusal for environments is from public reports of the Azure CLI's
users; that for GPUs is unconfirmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.environments import TYPE as ENVIRONMENT_TYPE
from aca_notebook.emulator.arm.environments import profile_types
from aca_notebook.emulator.arm.faults import invalid
from aca_notebook.emulator.arm.locations import location_name
from aca_notebook.model.fault import Subject
from aca_notebook.model.fault_kinds import Quota, Seam
from aca_notebook.model.gpu import CATALOGUE, SERVERLESS_A100, SERVERLESS_T4, WorkloadProfileType
from aca_notebook.model.ids import parse_id

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.store import Store
    from aca_notebook.emulator.faults.board import Strikes
    from aca_notebook.emulator.wire import AzureError
    from aca_notebook.model.ids import ResourceId

Document = dict[str, Any]
_ENVIRONMENTS = "ManagedEnvironmentCount"
_POOLS = "SessionPools"
GRANTED_TYPE = "Microsoft.Quota/quotas"
#: Names and limits of a region as recorded.
REGIONAL: dict[str, int] = {
    _ENVIRONMENTS: 50,
    "SubscriptionNCA100Gpus": 0,
    _POOLS: 50,
    "SubscriptionConsumptionNCA100Gpus": 2,
    "SubscriptionConsumptionT4Gpus": 8,
    "ConsumptionNCA100GpusEnvCount": 1,
    "ConsumptionT4GpusEnvCount": 2,
}
#: Of which of them the GPUs of serverless profiles are taken, and the environments that offer them.
_GPUS = {"T4": "SubscriptionConsumptionT4Gpus", "A100": "SubscriptionConsumptionNCA100Gpus"}
_OFFERS = {SERVERLESS_T4.name: "ConsumptionT4GpusEnvCount", SERVERLESS_A100.name: "ConsumptionNCA100GpusEnvCount"}
_TYPES = {each.name: each for each in CATALOGUE}
_APP_TYPE, _JOB_TYPE, _POOL_TYPE = "Microsoft.App/containerApps", "Microsoft.App/jobs", "Microsoft.App/sessionPools"


class Quotas:
    """Limits, what is used of them, and whether there is room for one more."""

    def __init__(self, store: Store, faults: Strikes) -> None:
        self._store = store
        self._faults = faults

    def limits(self, subscription: str, location: str) -> dict[str, int]:
        """Return every limit of a region by name: the recorded one, one that was asked for, or what a fault sets."""
        return REGIONAL | self._granted(subscription, location) | self._set(subscription, location)

    def used(self, subscription: str, location: str) -> dict[str, int]:
        """Return how much of each a region has in use; what is never counted is not there."""
        environments = self._in(ENVIRONMENT_TYPE, subscription, location)
        offered = [set(profile_types(one).values()) for one in environments]
        counts = {_ENVIRONMENTS: len(environments), _POOLS: len(self._in(_POOL_TYPE, subscription, location))}
        counts |= {name: sum(type_ in each for each in offered) for type_, name in _OFFERS.items()}
        return counts | {name: self._gpus(model, subscription, location) for model, name in _GPUS.items()}

    def check(self, id_: ResourceId, document: Document) -> None:
        """Tell whether a resource that is about to be written still fits.

        Raises `AzureError` 400 for one that exceeds a quota that a fault has set.
        """
        if not self._faults.at(Seam.QUOTA):
            return
        location = location_name(document.get("location", ""))
        limits = self._set(id_.subscription, location)
        name, needed = self._need(id_, document)
        if name not in limits or not needed:
            return
        used = self.used(id_.subscription, location)[name] - self._held(id_, name)
        if used + needed > limits[name]:
            raise _exceeded(id_, document, name, limits[name], used)

    def _granted(self, subscription: str, location: str) -> dict[str, int]:
        """The limits that were asked for and given (`quota_requests`)."""
        wanted = location_name(location)
        found = self._store.list(GRANTED_TYPE, subscription)
        return {
            each["name"]: int(each["properties"]["limit"]["value"])
            for each in found
            if parse_id(each["id"]).parent.name == wanted
        }

    def _set(self, subscription: str, location: str) -> dict[str, int]:
        """The limits that faults have set."""
        region = Subject(f"/subscriptions/{subscription}/providers/Microsoft.App/locations/{location_name(location)}")
        return {_GPUS.get(each.name, each.name): each.limit for each in self._faults.lasting(region, Quota)}

    def _need(self, id_: ResourceId, document: Document) -> tuple[str, int]:
        """Return which quota a resource is taken from, and how much of it."""
        if id_.type in {_APP_TYPE, _JOB_TYPE}:
            profile = self._profile(document)
            if profile is None or not profile.gpus or not profile.serverless:
                return "", 0
            return _GPUS[profile.gpu_model], _gpus(document, profile)
        return {ENVIRONMENT_TYPE: _ENVIRONMENTS, _POOL_TYPE: _POOLS}.get(id_.type, ""), 1

    def _held(self, id_: ResourceId, name: str) -> int:
        """How much of a quota the resource has already."""
        before = self._store.get(id_)
        if before is None:
            return 0
        held, amount = self._need(id_, before)
        return amount if held == name else 0

    def _gpus(self, model: str, subscription: str, location: str) -> int:
        """How many GPUs of serverless profiles the apps and jobs of a region hold at least."""
        taking = [*self._in(_APP_TYPE, subscription, location), *self._in(_JOB_TYPE, subscription, location)]
        profiles = [(each, self._profile(each)) for each in taking]
        return sum(
            _gpus(each, profile)
            for each, profile in profiles
            if profile is not None and profile.gpu_model == model and profile.serverless
        )

    def _profile(self, document: Document) -> WorkloadProfileType | None:
        environment = self._store.get(parse_id(document["properties"]["environmentId"]))
        name = document["properties"].get("workloadProfileName")
        type_ = profile_types(environment).get(name) if environment is not None and name else None
        return _TYPES.get(type_) if type_ else None

    def _in(self, type_: str, subscription: str, location: str) -> list[Document]:
        wanted = location_name(location)
        return [each for each in self._store.list(type_, subscription) if location_name(each["location"]) == wanted]


def _gpus(document: Document, profile: WorkloadProfileType) -> int:
    """How many GPUs an app or a job needs to be of any use: those of the replicas it keeps, at least one's."""
    scale = document["properties"]["template"].get("scale") or {}
    return max(1, int(scale.get("minReplicas") or 0)) * profile.gpus


def _exceeded(id_: ResourceId, document: Document, name: str, limit: int, used: int) -> AzureError:
    if name == _ENVIRONMENTS:
        return invalid(
            "MaxNumberOfRegionalEnvironmentsInSubExceeded",
            f"The subscription '{id_.subscription}' cannot have more than {limit} Container App Environments in "
            f"{document['location']}.",
        )
    return invalid(
        "QuotaExceeded",
        f"The quota '{name}' of subscription '{id_.subscription}' in {document['location']} is exceeded: limit "
        f"{limit}, in use {used}. Please check https://learn.microsoft.com/en-us/azure/container-apps/quotas for "
        "resource limits.",
    )
