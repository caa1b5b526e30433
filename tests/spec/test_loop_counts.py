"""What the loop counts: each person once, each case where it belongs, nothing that is not known yet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from lianfang.foundation.errors import Refused
from lianfang.records import Alert, CaseReport
from lianfang.services import bulletin, cases, daily, events, linking, situation
from lianfang.services import today as morning
from lianfang.services.installation import ROUTINE, SYSTEM, Installation, Who
from lianfang.store import put_rows, rows, tally
from loop import DAY, NAMES, identifiers, put_cases

Staff = dict[str, Who]


def card(inst: Installation, number: int, person: dict[str, str], **values: Any) -> str:
    """A hospital's card for a person, as the import leaves it."""
    with inst.vault_store.begin() as vault:
        subject = inst.vault.put_many(vault, ROUTINE, [person], kind="case_report")[0]
    reporter = values.pop("reporter", "h1")
    identity = cases.case_id(reporter, f"C{number}")
    row = {
        "case_id": identity,
        "card_no": f"C{number}",
        "reporter": reporter,
        "date_reporting": DAY,
        "date_onset": date(2026, 1, 24),
        "workplace": "城南市场",
        "unexplained": True,
        "classification": "suspect",
        "adcode": "429901",
        "subject_id": subject,
        **values,
    }
    with inst.store.begin() as connection:
        put_rows(connection, CaseReport, [row], keep=["event_id"])
    return identity


def mine(inst: Installation, event_id: str) -> list[dict[str, Any]]:
    with inst.store.read() as connection:
        return cases.as_of(connection, inst.today(), event_id=event_id)


@pytest.mark.parametrize("day", [DAY - timedelta(days=3), DAY])
def test_a_card_sent_again_keeps_its_case_in_the_event(inst: Installation, event_id: str, day: date) -> None:
    """On the same day as before (the row is overwritten) or later (a new version), its workplace left blank."""
    again = card(
        inst,
        0,
        identifiers(NAMES[0], 0),
        date_reporting=day,
        classification="confirmed",
        workplace="",
        unexplained=False,
    )
    daily.run(inst, SYSTEM, DAY)
    found = {row["case_id"]: row for row in mine(inst, event_id)}
    assert len(found) == 3 and found[again]["classification"] == "confirmed"
    with inst.vault_store.read() as vault:
        for name in NAMES:
            assert inst.vault.find(vault, event_id, "name", name) and not inst.vault.find(
                vault, ROUTINE, "name", name
            )


def test_one_person_on_two_hospitals_cards_is_one_case(inst: Installation) -> None:
    who = identifiers(NAMES[0], 0)
    card(inst, 1, who, classification="suspect", date_reporting=date(2026, 1, 27))
    card(inst, 2, {**who, "address": "另一写法"}, reporter="h2", classification="confirmed", workplace="")
    card(inst, 3, identifiers(NAMES[1], 1))
    report = daily.run(inst, SYSTEM, DAY)
    assert report.steps["link"]["routine"] == {"subjects": 3, "persons": 2, "joined": 1}
    assert report.steps["curves"]["all"]["cases"] == 2
    assert report.steps["curves"]["all"]["classes"] == {"confirmed": 1, "suspect": 1}
    with inst.store.read() as connection:
        assert tally(connection, Alert, method="cluster") == 0  # two persons are no cluster of three


def test_a_dismissed_alarm_stays_away_until_there_is_something_new(inst: Installation, staff: Staff) -> None:
    put_cases(inst)
    for number, name in enumerate(NAMES):
        card(inst, 10 + number, identifiers(name + "子", 50 + number))
    daily.run(inst, SYSTEM, DAY)
    for alert in (one for one in morning.today(inst, staff["epidemiologist"])["alerts"]):
        events.dismiss_alert(inst, staff["epidemiologist"], alert["alert_id"], "流感")
    inst.clock.move(timedelta(days=1))  # type: ignore[attr-defined]
    daily.run(inst, SYSTEM, DAY + timedelta(days=1))
    assert morning.today(inst, staff["epidemiologist"])["alerts"] == []
    card(inst, 99, identifiers("甄临新", 99), date_reporting=DAY + timedelta(days=1))
    daily.run(inst, SYSTEM, DAY + timedelta(days=1))
    assert len(morning.today(inst, staff["epidemiologist"])["alerts"]) == 1


def test_discarded_and_old_cases_do_not_come_under_the_event(inst: Installation, event_id: str) -> None:
    card(inst, 20, identifiers("甄临四", 20), classification="no_case", unexplained=False)
    card(inst, 21, identifiers("甄临五", 21), date_onset=date(2024, 5, 1), date_reporting=date(2024, 5, 3))
    fresh = card(inst, 22, identifiers("甄临六", 22))
    daily.run(inst, SYSTEM, DAY)
    assert {row["case_id"] for row in mine(inst, event_id)} >= {fresh}
    assert len(mine(inst, event_id)) == 4


def test_rt_stops_where_the_reports_stop(
    inst: Installation, event_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outbreak that grows by 8 % a day, each onset reported evenly within 10 days: Rt must stay above one."""
    growth, number = 1.08, 100
    for back in range(40, -1, -1):
        onset = DAY - timedelta(days=back)
        size = max(1, round(40 * growth ** (-back)))
        for nth in range(size):
            reported = onset + timedelta(days=(nth * 7 + back) % 11)
            if reported <= DAY:
                number += 1
                card(
                    inst, number, identifiers(f"甄{number}", number), date_onset=onset, date_reporting=reported,
                    event_id=event_id, workplace="",
                )  # fmt: skip
    monkeypatch.setattr(daily, "_attach", lambda *_: {})
    told = daily._reproduction(inst, SYSTEM, DAY, cases.Everybody(inst, DAY))[event_id]
    assert told["estimated"] and told["q025"] > 1
    assert date.fromisoformat(told["day"]) <= DAY - timedelta(days=9)


def test_a_past_day_counts_an_event_that_was_closed_later(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    from lianfang.services import closing

    before = daily.run(inst, SYSTEM, DAY)
    inst.clock.move(timedelta(days=30))  # type: ignore[attr-defined]
    closing.close(inst, staff["manager"], event_id, "结束")
    assert daily.run(inst, SYSTEM, DAY).steps["curves"] == before.steps["curves"]
    assert event_id not in daily.run(inst, SYSTEM, inst.today()).steps["curves"]


def test_case_lines_are_for_those_who_work_with_them_and_named_columns_only(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    seen = situation.view(inst, staff["epidemiologist"], event_id)
    assert len(seen["cases"]) == 3 and set(seen["cases"][0]) == set(situation.SHOWN)
    assert situation.view(inst, staff["auditor"], event_id)["cases"] == []
    assert morning.alert(inst, staff["auditor"], "alarm")["cases"] == []
    far = Who("he.yi", "manager", "cdc", areas=("110000",))
    for read in (situation.view, bulletin.draft, events.change_level):
        with pytest.raises(Refused, match="area"):
            read(inst, far, event_id, "I", "x") if read is events.change_level else read(inst, far, event_id)


def test_the_bulletin_counts_observation_orders_not_hopes(
    inst: Installation, staff: Staff, event_id: str
) -> None:
    figures = bulletin.draft(inst, staff["manager"], event_id)["content"]["tables"][0]["rows"]
    counts = {row["indicator"]: row["count"] for row in figures}
    assert counts["contacts_observed"] == 0 and counts["contacts_identified"] == 0


def test_links_of_the_day_are_written_once(inst: Installation) -> None:
    card(inst, 1, identifiers(NAMES[0], 0))
    first = linking.link_event(inst, SYSTEM, None, DAY)
    assert linking.link_event(inst, SYSTEM, None, DAY) == first
    with inst.store.read() as connection:
        assert rows(connection, CaseReport)[0]["event_id"] == ""
