"""Indexes of fields that are looked up together: a page of an event reads the event's rows only."""

from alembic import op

revision = "0006_case_indexes"
down_revision = "0005_accounts"

#: Table -> the single indexes that the new ones make needless, and the new ones.
_CHANGES = {
    "case_report": (
        ("event_id", "case_id"),
        (("event_id", "case_id"), ("case_id", "date_reporting", "batch_id")),
    ),
    "subject_link": (("subject_id",), (("subject_id", "person_id"),)),
    "decision": (("event_id",), (("event_id", "log_index"), ("permit",), ("log_index",))),
    "reading": (("event_id",), (("event_id", "at"),)),
    "contact": (("event_id",), (("event_id", "rank"), ("event_id", "status", "level"))),
}


def upgrade() -> None:
    for table, (needless, wanted) in _CHANGES.items():
        for column in needless:
            op.drop_index(f"ix_{table}_{column}", table_name=table)
        for columns in wanted:
            op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
