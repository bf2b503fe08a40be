"""Opening balances: a good list is copied as it is, a bad one is refused with the line and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inventory_assets.ingest.loaders import LandingConflictError, LoadError, load_stock
from inventory_assets_tests.ingest.loaders.test_common import files_below

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "location_id,product_sku,quantity,as_of\n"
GOOD = HEADER + "S1,A-1,5,2026-01-01\nS1,B-1,0,2026-01-01T06:00:00Z\nS2,A-1,7,2026-01-01 06:00:00+02:00\n"


def write(folder: Path, text: str, name: str = "Opening 2026.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def test_a_good_list_is_copied_byte_for_byte_and_once(tmp_path: Path):
    file = write(tmp_path, "\ufeff" + GOOD)
    result = load_stock(file, tmp_path / "landing", "erp")
    assert result.files == ("stock/source=erp/opening-2026.csv",)
    assert (result.rows, result.written) == ({"stock": 3}, 1)
    assert files_below(tmp_path / "landing") == {result.files[0]: file.read_bytes()}
    assert load_stock(file, tmp_path / "landing", "erp").written == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: columns missing"),
        (HEADER, "no rows below the header"),
        (GOOD.replace(",", ";"), "is the delimiter a comma"),
        (HEADER + "S1,A,5.5,2026-01-01\n", "line 2: quantity '5.5' is not a whole number from 0 to 999999"),
        (HEADER + "S1,A,-1,2026-01-01\n", "line 2: quantity '-1'"),
        (HEADER + "S1,A,1000000,2026-01-01\n", "line 2: quantity '1000000'"),
        (HEADER + "S1,A,5,01/02/2026\n", "line 2: as_of '01/02/2026' is not an ISO date"),
        (HEADER + "S1,A,5,2026-02-30\n", "line 2: as_of '2026-02-30'"),
        (HEADER + "S1,,5,2026-01-01\n", "line 2: product_sku is empty"),
        (HEADER + "S1,A,5\n", "line 2: 4 fields expected"),
        (HEADER + "S1,A,5,2026-01-01,x\n", "line 2: 4 fields expected"),
        (HEADER + "S1,a,5,2026-01-01\nS1, A,6,2026-01-01\n", "line 3: item A at S1 stands in line 2 already"),
        (HEADER + "".join(f"S1,A{n},x,2026-01-01\n" for n in range(7)), "7 faults, nothing was loaded: .* and 2 more"),
    ],
)
def test_a_bad_list_is_refused_with_the_line_and_the_fault(tmp_path: Path, text: str, message: str):
    with pytest.raises(LoadError, match=message):
        load_stock(write(tmp_path, text), tmp_path / "landing")
    assert not (tmp_path / "landing").exists()


def test_a_list_that_is_not_utf_8_is_refused(tmp_path: Path):
    file = tmp_path / "stock.csv"
    file.write_bytes(HEADER.encode() + "Zürich,A,5,2026-01-01\n".encode("latin-1"))
    with pytest.raises(LoadError, match=r"not UTF-8 \(byte 40\); save it as CSV UTF-8"):
        load_stock(file, tmp_path / "landing")


@pytest.mark.parametrize("system", ["", "../other", "ERP", "a b"])
def test_a_source_system_is_a_plain_name(tmp_path: Path, system: str):
    with pytest.raises(LoadError, match="use lower-case letters"):
        load_stock(write(tmp_path, GOOD), tmp_path / "landing", system)


def test_another_list_under_the_same_name_is_refused(tmp_path: Path):
    load_stock(write(tmp_path, GOOD), tmp_path / "landing")
    with pytest.raises(LandingConflictError, match="rename the file you load"):
        load_stock(write(tmp_path, HEADER + "S1,A-1,6,2026-01-01\n"), tmp_path / "landing")
