"""Security requirement 39: an answer holds no field about a person that the decision behind it does not show.

Every route is asked by every role, over an event in which contacts are named, visited, tested and found ill. What
goes into an answer (the JSON itself, or what a page was made of) is compared with what the permits of that request
show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jinja2 import Template

from lianfang.api.app import create_app
from lianfang.api.security import COOKIE, form_token
from lianfang.records import REGISTRY
from lianfang.services import accounts, contacts, visits
from lianfang.services.granting import Granted
from lianfang.services.installation import Installation, Who

#: Field -> the words of the policy for it, of fields that are about a person wherever they stand.
ABOUT: dict[str, set[str]] = {}
for _record in REGISTRY.values():
    for _info in _record.fields.values():
        ABOUT.setdefault(_info.name, set()).add(_info.datum)
#: Names that stand in answers for something else than the field of a record.
OTHERWISE = {
    "name": "of a colleague, a holder, an authority",
    "source": "of a count",
    "address": "of a machine",
    "phone": "of an office",
    "members": "of the exchange",
    "time": "of an entry",
    "place": "of a count",
    "day": "of a task",
    "body": "of a job or a page",
    "value": "of an alert: the series or place that stands out",
    "outcome": "of a step of the day",
    "ref": "of a decision: the record's own",
    "until": "of the observation, and of a retention",
    "start": "of a period",
    "end": "of a period",
    "seconds": "of a period",
    "other": "of a choice",
    "result": "of a job",
    "test": "of a form",
    "subjects": "how many",
    "code": "of a finding or an error; a gift's is known to its donor",
}
FIELDS = {name: words for name, words in ABOUT.items() if "" not in words and name not in OTHERWISE}
#: Routes whose answer is the record of who looked, which says by ids whom it was about; and the session's own token.
LOG = ("/log", "/api/v1/log", "/api/v1/me")
HOLDERS = {role: name for name, _, role in accounts.DEMONSTRATION}


def found_in(value: Any) -> Iterator[str]:
    """Names of the fields about a person that an answer holds with something in them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            said = isinstance(inner, str | int | float | date | datetime | list)
            if name in FIELDS and said and inner not in ("", [], "unknown", 0, False):
                yield name
            if isinstance(inner, dict | list | tuple):
                yield from found_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from found_in(inner)


@pytest.fixture
def worked(inst: Installation, staff: dict[str, Who], event_id: str) -> str:
    """The event with contacts named, visited and tested; one of them is a case."""
    epi, worker = staff["epidemiologist"], staff["community_worker"]
    lock_id = contacts.lock(inst, epi, event_id, ["c0", "c1", "c2"], reason="x", worker=worker.account)
    contacts.approve(inst, staff["data_protection_officer"], lock_id)
    contacts.name(inst, epi, lock_id)
    for one, result in (("c0", "positive"), ("c1", "negative")):
        visits.record_visit(inst, worker, one, reached=True, temperature=38.2, symptoms=["cough"])
        visits.record_result(inst, staff["laboratory"], visits.order_sample(inst, worker, one), result=result)
    contacts.lock(inst, epi, event_id, ["c3"], reason="x", worker=worker.account)
    return event_id


def routes(client: TestClient) -> list[tuple[str, str]]:
    document = client.app.openapi()  # type: ignore[attr-defined]
    known = [("GET", path) for path, methods in document["paths"].items() if "get" in methods]
    return [
        *known, ("POST", "/my/{contact_id}/particulars"), ("POST", "/api/v1/my/tasks/{contact_id}/particulars"),
        ("POST", "/api/v1/subjects/report"),
    ]  # fmt: skip


def test_sec_39_no_answer_holds_a_field_that_its_decision_does_not_show(
    inst: Installation, worked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: set[str] = set()
    context: list[Any] = []
    real, render = Granted.project, Template.render

    def project(granted: Granted, *args: Any, **derived: str) -> Any:
        shown.update(datum for datum, how in granted.decision.fields.items() if how != "drop")
        return real(granted, *args, **derived)  # type: ignore[call-overload]

    def rendered(self: Any, *args: Any, **named: Any) -> str:
        # "token" of a page is its form's own
        values = {
            name: value for one in (*args, named) for name, value in dict(one).items() if name != "token"
        }
        context.append(values)
        return render(self, *args, **named)

    monkeypatch.setattr(Granted, "project", project)
    monkeypatch.setattr(Template, "render", rendered)
    filled = {"event_id": worked, "contact_id": "c0", "alert_id": "alarm", "number": "1", "kind": "csv"}
    body = {"identity": {"name": "邢观甲", "phone": "15400000100"}, "identity_verified": True}
    beyond: list[tuple[str, str, str]] = []
    held: dict[str, set[str]] = {}
    with TestClient(create_app(inst), base_url="https://testserver", follow_redirects=False) as client:
        for role, account in sorted(HOLDERS.items()):
            client.cookies.clear()
            client.post("/enter", data={"link": accounts.link(inst, account)})
            for method, path in routes(client):
                shown.clear()
                context.clear()
                url = re.sub(r"\{(\w+)\}", lambda one: filled.get(one[1], "none"), path)
                token = form_token(client.cookies[COOKIE])
                more: dict[str, Any] = {}
                if method == "POST":
                    more = (
                        {"json": body if "subjects" in path else None}
                        if "api" in path
                        else {"data": {"token": token}}
                    )
                answer = client.request(method, url, headers={"x-lianfang-token": token}, **more)
                assert answer.status_code < 500, (role, path)
                if answer.status_code != 200 or path in LOG:
                    continue
                is_json = answer.headers.get("content-type", "").startswith("application/json")
                for name in found_in([answer.json()] if is_json and "openapi" not in path else context):
                    held.setdefault(path, set()).add(name)
                    if not FIELDS[name] & shown:
                        beyond.append((role, path, name))
    assert not beyond, sorted(set(beyond))
    # the comparison saw what it is about
    assert {"token", "last_exposure", "score"} <= held["/api/v1/events/{event_id}/contacts"]
    assert "symptoms" in held["/api/v1/events/{event_id}"] and "temperature" in held["/my/{contact_id}"]


def test_the_comparison_finds_a_field_given_by_hand() -> None:
    assert list(found_in({"rows": [{"token": "ab", "symptoms": [], "worker": "li"}]})) == ["token"]
