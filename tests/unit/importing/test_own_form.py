"""Every form that the declarations give is read back by the import that it is for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lianfang.foundation.clock import SetClock
from lianfang.foundation.errors import BadInput
from lianfang.records import CaseReport, StockItem, form, importable
from lianfang.services.importing import import_files
from lianfang.services.importing.mapping import own_form
from lianfang.services.installation import SYSTEM, create
from lianfang.store import rows


@pytest.mark.parametrize("record", importable(), ids=lambda r: r.about.name)
def test_each_form_asks_for_what_the_record_needs(record: type) -> None:
    own = own_form(record.about.name)
    if own is None:
        assert "token" in record.fields
        return
    assert own.columns == {one["name"] for one in form(record)}


def test_a_filled_form_is_imported(tmp_path: Path) -> None:
    inst = create(tmp_path / "home", clock=SetClock(datetime(2026, 2, 1, tzinfo=UTC)))
    stock = tmp_path / "stock.csv"
    stock.write_text("date,facility,item,quantity,unit\n2026-01-30,市第一医院,N95,120,只\n", encoding="utf-8")
    cards = tmp_path / "cards.csv"
    cards.write_text(
        "card_no,reporter,date_reporting,name,symptoms,classification\nA1,h,2026-01-30,甄临一,发热、咳嗽,suspect\n",
        encoding="utf-8",
    )
    assert import_files(inst, SYSTEM, "stock_item", [stock])[0].accepted == 1
    assert import_files(inst, SYSTEM, "case_report", [cards])[0].accepted == 1
    with inst.store.read() as connection:
        assert rows(connection, StockItem)[0]["quantity"] == 120
        assert rows(connection, CaseReport)[0]["symptoms"] == ["cough", "fever"]
    cards.write_text("card_no,reporter,nickname\nA1,h,x\n", encoding="utf-8")
    with pytest.raises(BadInput):
        import_files(inst, SYSTEM, "case_report", [cards])
    inst.close()
