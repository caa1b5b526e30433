"""A closed event can still be looked at: figures, acts and bulletins, no single case any more."""

from __future__ import annotations

from lianfang.services import closing, situation
from lianfang.services.installation import Installation, Who


def test_a_closed_event_shows_its_figures_and_lists_no_case(
    inst: Installation, event_id: str, staff: dict[str, Who]
) -> None:
    manager = staff["manager"]
    before = situation.view(inst, manager, event_id)
    assert len(before["cases"]) == before["case_count"] == 3
    closing.close(inst, manager, event_id, "over")
    after = situation.view(inst, manager, event_id)
    assert after["cases"] == [] and after["case_count"] == 3
    assert after["by_onset"] == before["by_onset"] and after["event"]["status"] == "closed"
    assert [act["act"] for act in after["acts"]][-1] == "close"
