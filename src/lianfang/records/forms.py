"""What else comes from a declaration: the API's schema of a record type and the form by which it is delivered."""

from __future__ import annotations

from typing import Any

from lianfang.records.declare import REGISTRY, Record


def json_schema(record: type[Record]) -> dict[str, Any]:
    """JSON Schema of a record type; each property also says class, kind, disclosure and both titles (``x-``)."""
    made = record.model_json_schema()
    for name, info in record.fields.items():
        declared = info.declared
        made["properties"][name] |= {
            "title": declared.en,
            "x-title-zh": declared.zh,
            "x-privacy": f"P{int(declared.privacy)}",
            "x-kind": declared.kind,
            "x-disclosure": declared.disclosure,
            "x-vault": info.in_vault,
        }
    about = record.about
    return {
        **made,
        "title": about.en,
        "x-title-zh": about.zh,
        "x-record": about.name,
        "x-home": about.home,
        "x-key": list(about.key),
        "x-purposes": sorted(about.purposes),
        "x-retention": about.retention,
    }


def form(record: type[Record]) -> list[dict[str, Any]]:
    """Columns of the form for delivering records: name, titles, shape, choices, whether it must be filled.

    What the house fills in itself (event, batch, keyed ids) is not asked for.
    """
    own = {"event_id", "batch_id", "case_id", "household", "x_dm", "y_dm"}
    return [
        {
            "name": name,
            "zh": info.declared.zh,
            "en": info.declared.en,
            "shape": info.shape,
            "choices": list(info.choices),
            "required": info.required,
        }
        for name, info in record.fields.items()
        if name not in own
    ]


def importable() -> list[type[Record]]:
    """Record types that can be delivered as files."""
    return [record for record in REGISTRY.values() if record.about.importable]
