"""Opening balances: a CSV that a person prepared → `stock` landing file, checked and copied byte for byte.

The check is stricter than the ingest, which would put a bad row into quarantine: a person is waiting here and can mend
the list at once. An opening balance is the stock at an instant, unavailable units included.
"""

from __future__ import annotations

import csv
import re
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING

from inventory_assets.contracts.feeds import STOCK
from inventory_assets.contracts.silver import STOCK_OPENINGS
from inventory_assets.contracts.sources import DEFAULT_SOURCE
from inventory_assets.ingest.loaders.common import LandingFile, LoadError, LoadResult, listed, slug, write_landing

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = re.compile(r"[a-z0-9][a-z0-9_-]*")
WHOLE = re.compile(r"[0-9]{1,12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")
MOST_UNITS = next(column.maximum for column in STOCK_OPENINGS.columns if column.name == "quantity") or 0


def load_stock(file: Path, landing_root: Path, source_system: str = DEFAULT_SOURCE) -> LoadResult:
    """Check a list of opening balances and copy it into the landing folder.

    Args:
        file: CSV, UTF-8, comma, with the columns `location_id, product_sku, quantity, as_of` and optionally
            `document_id`; `as_of` is an ISO date or time, without a zone it is read in the zone of its location.
        landing_root: the landing folder.
        source_system: system the list belongs to; its contract in `sources.toml` gives the zone.

    Returns:
        The landing file and its rows.

    Raises:
        LoadError: the file or a row of it is not as above; the message names the lines.
        LandingConflictError: another list of that name was loaded before.
    """
    if not SYSTEM.fullmatch(source_system):
        raise LoadError(f"source system {source_system!r}: use lower-case letters, digits, - and _")
    if not file.is_file():
        raise LoadError(f"{file}: no such file; give the path of a CSV with the columns {', '.join(STOCK.required)}")
    if file.suffix.lower() != ".csv":
        raise LoadError(f"{file}: opening balances are read from .csv")
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError(f"{file}: not UTF-8 (byte {error.start}); save it as CSV UTF-8") from error
    rows, faults = check_openings(text)
    if faults:
        raise LoadError(f"{file}: {len(faults)} faults, nothing was loaded: {listed(faults)}")
    landing = LandingFile(f"stock/source={source_system}/{slug(file.stem)}.csv", content)
    written = write_landing(landing_root, [landing])
    return LoadResult((landing.path,), {"stock": rows}, (), written)


def check_openings(text: str) -> tuple[int, list[str]]:
    """Hold a list of opening balances against its contract.

    Args:
        text: the CSV.

    Returns:
        Number of rows, and every fault with its line.
    """
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    header = reader.fieldnames or []
    missing = [name for name in STOCK.required if name not in header]
    if missing:
        return 0, [f"line 1: columns missing: {missing}; found {list(header)} (is the delimiter a comma?)"]
    faults: list[str] = []
    first_line: dict[tuple[str, str, str], int] = {}
    rows = 0
    try:
        for row in reader:
            rows += 1
            if None in row or None in row.values():
                faults.append(f"line {reader.line_num}: {len(header)} fields expected")
                continue
            faults += [f"line {reader.line_num}: {fault}" for fault in _faults(row)]
            key = (row["location_id"].strip(), row["product_sku"].strip().upper(), row["as_of"].strip())
            earlier = first_line.setdefault(key, reader.line_num)
            if earlier != reader.line_num:
                faults.append(f"line {reader.line_num}: item {key[1]} at {key[0]} stands in line {earlier} already")
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: {error}")
    if not rows and not faults:
        faults.append("no rows below the header")
    return rows, faults


def _faults(row: dict[str, str]) -> list[str]:
    faults = [f"{name} is empty" for name in STOCK.required if not row[name].strip()]
    quantity, as_of = row["quantity"].strip(), row["as_of"].strip()
    if quantity and not (WHOLE.fullmatch(quantity) and int(quantity) <= MOST_UNITS):
        faults.append(f"quantity {quantity!r} is not a whole number from 0 to {MOST_UNITS}")
    if as_of and not _is_instant(as_of):
        faults.append(f"as_of {as_of!r} is not an ISO date or time such as 2026-01-31 or 2026-01-31T06:00:00Z")
    return faults


def _is_instant(text: str) -> bool:
    if not INSTANT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
