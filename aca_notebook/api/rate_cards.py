"""The prices at hand: those of the package, and over them those that were fetched, kept in our data folder."""

from __future__ import annotations

import json
import logging
import os
from datetime import date
from typing import TYPE_CHECKING, Any

from aca_notebook.errors import UsageFailed
from aca_notebook.model.meter import find_meter
from aca_notebook.model.price import price_list
from aca_notebook.model.rate import USD, Rate
from aca_notebook.model.rate_snapshot import SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from aca_notebook.model.rate import PriceList, RateCard

logger = logging.getLogger(__name__)


class RateCards:
    """Keeps fetched prices, a file a currency, in a folder that is the target's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[tuple[tuple[Path, int], ...], RateCard] = ((), SNAPSHOT)

    def card(self) -> RateCard:
        """Every rate at hand. A file that cannot be read is passed over, and said so; each is read once."""
        files = tuple((path, path.stat().st_mtime_ns) for path in sorted(self._folder.glob("*.json")))
        if files != self._read[0]:
            self._read = (files, _merged(path for path, _ in files))
        return self._read[1]

    def prices(self, location: str, currency: str = USD) -> PriceList:
        """The list that estimates in a region use. Raises `UsageFailed` for a currency without prices."""
        try:
            return price_list(location, currency, self.card())
        except ValueError as none:
            raise UsageFailed(
                f"no prices are known in {currency.upper()}", code="PricesNotFound", detail=str(none),
                hint=f"%aca prices refresh --currency {currency.upper()}, or leave --currency out",
            ) from none  # fmt: skip

    def keep(self, currency: str, rates: Iterable[Rate]) -> None:
        """Write down what was fetched, whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{currency.upper()}.json"
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(json.dumps([_write(rate) for rate in rates], indent=0), encoding="utf-8")
        fresh.replace(path)


def _merged(paths: Iterable[Path]) -> RateCard:
    card = SNAPSHOT
    for path in paths:
        try:
            card = card.with_rates([_read(each) for each in json.loads(path.read_text(encoding="utf-8"))])
        except (OSError, ValueError, KeyError, TypeError) as bad:
            logger.warning("%s cannot be read (%s): run `%%aca prices refresh`", path, bad)
    return card


def check_currency(currency: str) -> str:
    """Return a currency's code as Azure writes it. Raises `UsageFailed` for what cannot be one."""
    code = currency.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise UsageFailed(
            f"{currency!r} is no currency", code="InvalidCurrency", detail="three letters, as in ISO 4217",
            hint="write it like --currency EUR",
        )  # fmt: skip
    return code


def _write(rate: Rate) -> dict[str, Any]:
    return {
        "meter": rate.meter.name, "region": rate.region, "currency": rate.currency, "price": rate.price,
        "as_of": rate.as_of.isoformat(), "source": rate.source, "meter_id": rate.meter_id,
        "effective_from": rate.effective_from.isoformat() if rate.effective_from else "",
    }  # fmt: skip


def _read(kept: dict[str, Any]) -> Rate:
    meter = find_meter(kept["meter"])
    if meter is None:
        raise ValueError(f"no meter is called {kept['meter']!r}")
    since = kept["effective_from"]
    return Rate(
        meter, kept["region"], kept["currency"], float(kept["price"]), date.fromisoformat(kept["as_of"]),
        kept["source"], date.fromisoformat(since) if since else None, meter_id=kept["meter_id"],
    )  # fmt: skip
