"""What prices look like: one row a region, or every meter of one region, each figure with its date and source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_notebook.display import theme
from aca_notebook.display.tables import Cell, Table
from aca_notebook.model import meter
from aca_notebook.model.rate import USD
from aca_notebook.model.rate_snapshot import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.model.meter import Meter
    from aca_notebook.model.rate import PriceList, Rate, RateCard

_SHOWN = (
    meter.VCPU_ACTIVE, meter.VCPU_IDLE, meter.MEMORY_ACTIVE, meter.MEMORY_IDLE, meter.REQUESTS, meter.GPU_T4,
    meter.GPU_A100,
)  # fmt: skip
_COLUMNS = ("vcpu_second", "idle_vcpu_second", "gib_second", "idle_gib_second", "million_requests", "t4_second",
            "a100_second")  # fmt: skip
_HEADINGS = dict(
    zip(_SHOWN, ("vCPU", "vCPU idle", "GiB", "GiB idle", "1M requests", "T4", "A100"), strict=True)
)  # fmt: skip
_NOT_KNOWN = "not known"


def regions(card: RateCard = SNAPSHOT, currency: str = USD) -> Table:
    """Return one row a region, with the prices that a replica is made of."""
    lists = card.lists(currency)
    shown = [which for which in _SHOWN if which != meter.MEMORY_IDLE or _differs(lists)]
    rows = tuple((Cell(one.region), *(_price(one, which) for which in shown), Cell(str(one.as_of))) for one in lists)
    headings = ("region", *(_HEADINGS[which] for which in shown), "read on")
    sources = ", ".join(dict.fromkeys(rate.source.partition(" ")[0] for one in lists for rate in one.rates))
    note = f"{currency.upper()} at list price, a second unless it says otherwise, from {sources}; %aca prices --region "
    note += "NAME has every meter, %aca prices refresh fetches new ones"
    title = f"Prices that estimates use, in {currency.upper()}"
    return Table(title, headings, rows, note if rows else _none(card), tuple(_region_record(one) for one in lists))


def _differs(lists: Sequence[PriceList]) -> bool:
    """Whether a GiB that waits costs anything else than one that works, anywhere."""
    return any(one.price(meter.MEMORY_ACTIVE) != one.price(meter.MEMORY_IDLE) for one in lists)


def _price(one: PriceList, which: Meter) -> Cell:
    rate = one.rate(which)
    return Cell("–", tone=theme.FAINT, right=True) if rate is None else Cell(_figure(rate), right=True)


def _figure(rate: Rate) -> str:
    digits = f"{rate.price:.8f}".rstrip("0").rstrip(".")
    return f"≈ {digits}" if rate.rounded else digits


def _region_record(one: PriceList) -> dict[str, Any]:
    found = {
        name: rate.price if (rate := one.rate(which)) else None for name, which in zip(_COLUMNS, _SHOWN, strict=True)
    }
    return {"region": one.region, "currency": one.currency, **found, "as_of": one.as_of, "source": one.source}


def _none(card: RateCard) -> str:
    return f"there are figures in {', '.join(card.currencies())}; %aca prices refresh --currency CODE fetches others"


def meters(prices: PriceList) -> Table:
    """Return one row a meter of one region; those without a figure say so."""
    rows, records = [], []
    for which in meter.METERS:
        rate = prices.rate(which)
        rows.append((
            Cell(which.name), Cell(which.unit),
            Cell(_NOT_KNOWN if rate is None else _figure(rate), tone="" if rate else theme.FAINT, right=True),
            Cell("" if rate is None else str(rate.as_of)),
            Cell("" if rate is None or rate.effective_from is None else str(rate.effective_from)),
        ))  # fmt: skip
        records.append({
            "meter": which.name, "unit": which.unit, "counts": which.counts, "region": prices.region,
            "currency": prices.currency, "price": None if rate is None else rate.price,
            "rounded": bool(rate and rate.rounded), "as_of": rate and rate.as_of,
            "effective_from": rate and rate.effective_from, "source": rate and rate.source,
        })  # fmt: skip
    headings = ("meter", "for", prices.currency, "read on", "since")
    rounded = "; ≈ was read with one digit" if any(rate.rounded for rate in prices.rates) else ""
    sources = ", ".join(dict.fromkeys(rate.source.partition(" ")[0] for rate in prices.rates))
    note = f"list prices from {sources}; a meter without a figure is left out of estimates, which then say so{rounded}"
    return Table(f"Prices in {prices.region}", headings, tuple(rows), note, tuple(records))
