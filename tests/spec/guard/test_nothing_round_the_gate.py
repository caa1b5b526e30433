"""One gate: a static reading of the source shows that no door, service, job or command goes round it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gatewalk
from gatewalk import POLICY, RIGHT, SRC, door_calls, functions, reaches

#: Functions of services that a door may call for nobody in particular, and why.
FOR_NOBODY = {
    "accounts.sign_in": "before there is somebody",
    "accounts.sign_in_by_link": "before there is somebody",
    "accounts.session": "says who it is",
    "accounts.known": "says who it is",
    "factors.passkey_request": "a challenge for the session's own account",
    "terminals.machine": "whether the machine is registered",
    "terminals.register_demonstration": "the demonstration's device, and no other's",
    "accounts.sign_out": "ends one's own session",
    "accounts.link": "the installation's owner on its own machine, and the demonstration's people",
    "accounts.person": "says who an account is",
    "accounts.add_demonstration": "makes the demonstration's people",
    "accounts.listing": "names of accounts and roles, no personal data of others",
    "bulletin.published": "public",
    "bulletin.document": "public",
    "bulletin.latest": "public",
    "bulletin.verify": "on a file, offline",
    "bulletin.verifier_key": "public",
    "bulletin.row_of": "public",
    "bulletin.show": "public",
    "bulletin.summary": "words",
    "contacts.reasons_in_words": "words",
    "doctor.examine": "whether databases and keys can be had; reads nobody's data",
    "events.get": "an event's row, which holds no personal data; its callers look at the area",
    "events.find": "as events.get",
    "holders.entry": "the register of holders, public within the house",
    "holders.register": "the installation's owner on its own machine; recorded",
    "integrity.check": "opens every seal and shows nothing",
    "jobs.latest": "a job's row: ids and counts",
    "jobs.execute": "runs a job under the account that asked for it",
    "jobs.waiting": "ids of jobs",
    "peers.identity": "our own name, certificate and public keys, to be handed to another authority",
    "peers.fingerprint": "of a public identity",
    "notices.verify": "public",
    "people.workers": "colleagues to whom work is given; the page that shows them has asked",
    "visits.event_of": "the event's id of a contact's id",
    "gifts.overview": "public",
    "gifts.follow": "public, by the code of a receipt",
    "gifts.unwish": "the donor himself, by the code of his receipt: takes his name off the public page",
    "gifts.check_account": "public; nothing of what is asked is kept",
    "gifts.registered": "public; what waits for verification asks for the right",
    "gifts.items": "the catalogue, public",
    "gifts.bodies": "depots and hospitals, public",
    "gate.require": "the gate itself",
    "heads.keep": "signs the log's head and shows it to its witnesses; commitments only",
    "heads.sign": "signs the log's head",
    "reading.bundle": "public: entries are commitments",
    "reading.checkpoint": "public",
    "reading.consistency": "public",
    "reading.inclusion": "public",
    "reading.key": "public",
    "reading.proof": "public: the entry is a commitment",
    "reading.tile": "public: hashes",
    "receipts.by_code": "public: the entry is a commitment",
    "receipts.check": "on files, offline",
    "receipts.codes": "public: hashes of entries",
    "receipts.page_of": "public: the address of a bulletin",
    "receipts.policy_text": "public: our key and the witnesses",
    "receipts.receipt_of": "public: the entry is a commitment",
    "gifts.indices": "numbers of entries, of what was shown",
    "sequencer.sequencer": "takes what a body with its own token sends; shows nothing",
}
#: Where an identity leaves the vault without the policy being asked in the same act, and why.
UNASKED = {
    "services.attaching._standing": "asked by attach_cases before; gives back which ids exist, no token leaves",
    "services.exchange.common.unseal": "asked by open_copy and cases.read before; a letter, when it was sent",
    "services.subjects.answering.correct": "asked of each place by _ask_each before",
    "services.orders.drafting._index": "asked by draft before the tokens are made",
    "services.gifts.donors.names": "asked when the donor's wish to be named was recorded; it is read anew each time",
}
#: Modules outside the vault that look into its tables, which hold ids and sealed bytes.
IN_THE_TABLES = {"services.attaching", "services.importing.staging"}
#: Services of one's own account.
OWN_ACCOUNT = {"services.accounts", "services.factors", "services.terminals"}
#: Doors that open a database themselves.
OWN_READS = {"demo.py", "job.py"}

KNOWN = functions()


def test_whoever_acts_is_asked_for_his_right() -> None:
    """Each public function that takes an account asks for its right to the act, or calls one that does."""
    acting = [
        one
        for same in KNOWN.values()
        for one in same
        if "who" in one.parameters and not one.name.startswith("_") and one.module != "services.gate"
    ]
    assert len(acting) >= 50
    helpers = {  # within an act that has asked; or a job, whose work asks as its account when it runs
        "services.events.sign_act", "services.attaching.settle", "services.cases.reclassify", "services.cases.add",
        "services.reports.lines.commit",
        "services.jobs.submit",
        "services.accounts.noted", "services.accounts.has_role", "services.incidents.open_incident",
        "services.trail.refused",
        "services.exchange.common.local_event", "services.exchange.ending.expire_event",
        "services.subjects.finding.places", "services.gifts.book.hold", "services.gifts.book.other_than",
        "services.gifts.book.enter", "services.gifts.giving.book_pledge",
    }  # fmt: skip
    # one's own account needs no right: these take the session itself and reach no other account than its
    own = {one.where for one in acting if "session" in one.parameters and one.module in OWN_ACCOUNT}
    assert len(own) >= 10
    silent = [
        one.where
        for one in acting
        if not (reaches(one, RIGHT, KNOWN) or reaches(one, POLICY, KNOWN)) and one.where not in helpers | own
    ]
    assert silent == []


def test_the_vault_opens_only_where_the_policy_was_asked() -> None:
    opening = [one for same in KNOWN.values() for one in same if one.opens]
    assert {one.where for one in opening} >= {"services.visits.particulars", "services.linking.link_event"}
    unasked = {one.where for one in opening if POLICY not in one.calls}
    assert unasked == set(UNASKED)


@pytest.mark.parametrize("door", ["api", "cli"])
def test_a_door_calls_for_somebody(door: str) -> None:
    calls = set(door_calls(SRC / door))
    assert len(calls) >= 20
    strange = sorted(
        f"{file}: {module}.{name}"
        for file, module, name in calls
        for one in KNOWN.get(name, [])
        if one.module.split(".")[-1] == module or one.module.split(".")[-2:-1] == [module]
        if not {"who", "inst_who"} & set(one.parameters)
        and "inst" in one.parameters
        and f"{module}.{name}" not in FOR_NOBODY
        and file != "demo.py"
    )
    assert strange == []


def test_the_vaults_tables_are_looked_into_nowhere_else() -> None:
    found = {
        path.relative_to(SRC).with_suffix("").as_posix().replace("/", ".")
        for path in SRC.rglob("*.py")
        if "guard/vault" not in path.as_posix() and "vault.tables" in path.read_text(encoding="utf-8")
    }
    assert found == IN_THE_TABLES


def test_doors_open_no_database() -> None:
    found = {
        path.name
        for door in ("api", "cli")
        for path in (SRC / door).rglob("*.py")
        if ".store.read(" in (text := path.read_text(encoding="utf-8"))
        or ".store.begin(" in text
        or "vault_store" in text
    }
    assert found <= OWN_READS


def test_the_reading_finds_a_way_round(tmp_path: Path) -> None:
    """Seeded: a service that reads for an account without asking, one that opens the vault, a door of its own."""
    folder = tmp_path / "services"
    folder.mkdir()
    (folder / "leak.py").write_text(
        "def lists(inst, who):\n    return rows(inst)\n"
        "def asked(inst, who):\n    require(who, 'x')\n    return rows(inst)\n"
        "def through(inst, who):\n    return asked(inst, who)\n"
        "def opens(inst, who):\n    return inst.vault.reveal(1)\n",
        encoding="utf-8",
    )
    known = functions(folder, tmp_path)
    asks = {name: reaches(known[name][0], RIGHT, known) for name in known}
    assert asks == {"lists": False, "asked": True, "through": True, "opens": False}
    assert known["opens"][0].opens == {"reveal"} and not known["lists"][0].opens
    door = tmp_path / "api"
    door.mkdir()
    (door / "page.py").write_text("from lianfang.services import leak\nleak.lists(1)\n", encoding="utf-8")
    assert list(door_calls(door)) == [("page.py", "leak", "lists")]
    assert gatewalk.SRC == SRC
