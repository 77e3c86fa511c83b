"""Lines of the bill as the columns and rows of an answer of Cost Management (facts §10.1). Pure."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aca_notebook.emulator.arm.bills import region_of
from aca_notebook.emulator.arm.locations import display_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aca_notebook.emulator.arm.bills import BillLine
    from aca_notebook.emulator.arm.cost_questions import Question
    from aca_notebook.model.meter import Meter

SERVICE = "Azure Container Apps"
_NUMBER = "Number"
Columns = list[dict[str, str]]
Rows = list[list[Any]]


def table(question: Question, lines: Iterable[BillLine]) -> tuple[Columns, Rows]:
    """Return the answer's columns and rows, in the order of time and then of what tells rows apart."""
    sums: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0.0] * len(question.measures))
    for line in lines:
        dimensions = describe(line)
        if question.counts(line, dimensions):
            row = sums[_key(question, line, dimensions)]
            for index, name in enumerate(question.measures):
                row[index] += _amount(line, name)
    columns = [_column(name, _NUMBER) for name in question.measures]
    if question.grain == "Daily":
        columns.append(_column("UsageDate", _NUMBER))
    elif question.grain == "Monthly":
        columns.append(_column("BillingMonth", "Datetime"))
    for each in question.groupings:
        columns += [_column("TagKey"), _column("TagValue")] if each.tag else [_column(each.name)]
    columns.append(_column("Currency"))
    return columns, [[*found, *key, "USD"] for key, found in sorted(sums.items(), key=lambda item: item[0])]


def describe(line: BillLine) -> Mapping[str, str]:
    """Return the dimensions of a line, by name; ids are in lower case (facts §10.1)."""
    id_, meter = line.resource.id, line.meter
    region = region_of(line.resource)
    return {
        "ResourceId": id_.key,
        "ResourceGroup": id_.resource_group.lower(),
        "ResourceGroupName": id_.resource_group.lower(),
        "ResourceType": id_.type.lower(),
        "ResourceLocation": region,
        "ConsumedService": id_.provider.lower(),
        "SubscriptionId": id_.subscription.lower(),
        "SubscriptionName": "Local emulator",
        "Meter": meter.name,
        "MeterId": meter_id(meter, region),
        "MeterCategory": SERVICE,
        "MeterSubcategory": "",
        "ServiceName": SERVICE,
        "ServiceTier": meter.sku,
        "ChargeType": "Usage",
        "PublisherType": "Microsoft",
        "PricingModel": "OnDemand",
        "Frequency": "UsageBased",
        "UnitOfMeasure": meter.unit,
    }


def meter_id(meter: Meter, region: str) -> str:
    """Return a meter's id where no figure of Azure's has one: the same each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SERVICE}/{region}/{meter.name}"))


def display_location(region: str) -> str:
    """Return a region as the Retail Prices API writes it: `US East`, which Resource Manager calls `East US`."""
    shown = display_names().get(region, region)
    first, _, rest = shown.partition(" ")
    return f"US {first}{rest[2:]}" if rest.startswith("US") else shown


def _key(question: Question, line: BillLine, dimensions: Mapping[str, str]) -> tuple[Any, ...]:
    key: list[Any] = []
    if question.grain == "Daily":
        key.append(int(f"{line.hour:%Y%m%d}"))
    elif question.grain == "Monthly":
        key.append(f"{line.hour:%Y-%m}-01T00:00:00")
    tags = {name.lower(): value for name, value in line.resource.tags.items()}
    for each in question.groupings:
        key += [each.name.lower(), tags.get(each.name.lower(), "")] if each.tag else [dimensions[each.name]]
    return tuple(key)


def _amount(line: BillLine, name: str) -> float:
    return line.quantity / line.meter.per if name == "UsageQuantity" else line.cost


def _column(name: str, type_: str = "String") -> dict[str, str]:
    return {"name": name, "type": type_}
