"""Every query that the project asks of the lake, by name, in the SQL that DuckDB and Spark both speak.

``TABLES`` says which record type a query reads; a test runs each on both engines and compares the rows, and
another fails when a query is asked that does not stand here.
"""

from __future__ import annotations

from lianfang.records import ClinicCount, Record, SearchCount

CLINIC_TOTALS = """
SELECT date, SUM(visits) AS visits, SUM(fever) AS fever, SUM(ili) AS ili, COUNT(*) AS clinics
FROM clinic_count WHERE date <= :as_of
GROUP BY date ORDER BY date
"""

SEARCH_TOTALS = """
SELECT date, term, SUM(count) AS count
FROM search_count WHERE date <= :as_of
GROUP BY date, term ORDER BY term, date
"""

# A holder's own files; what has no place (|| of nothing is nothing) is no stay with anybody. Row, floor
# and room are named by the tables that have them, else they are unknown.
_PRESENCES = """
WITH told AS (
  SELECT CAST(subscriber AS BIGINT) AS token, {shape}, start, "end" FROM {source}
  WHERE start < :until AND "end" > :since
),
there AS (SELECT DISTINCT place FROM told WHERE token IN (SELECT token FROM index_cases))
SELECT told.* FROM told JOIN there ON told.place = there.place
"""

_SHAPES = {
    "lodging": (
        "hotel AS place, 'lodging' AS kind, CAST(NULL AS INTEGER) AS \"row\", "
        "CAST(floor AS INTEGER) AS floor, CAST(room AS STRING) AS room"
    ),
    "trips": (
        "vehicle || '|' || CAST(CAST(date AS DATE) AS STRING) AS place, 'trip' AS kind, "
        'CAST("row" AS INTEGER) AS "row", CAST(NULL AS INTEGER) AS floor, CAST(NULL AS STRING) AS room'
    ),
    "visits": (
        "place_id AS place, 'place' AS kind, CAST(NULL AS INTEGER) AS \"row\", "
        "CAST(NULL AS INTEGER) AS floor, CAST(NULL AS STRING) AS room"
    ),
}

#: By table of the holder: stays at the places where an index person (table ``index_cases``) was.
PRESENCES: dict[str, str] = {
    source: _PRESENCES.format(source=source, shape=shape) for source, shape in _SHAPES.items()
}

QUERIES: dict[str, str] = {
    "clinic_totals": CLINIC_TOTALS,
    "search_totals": SEARCH_TOTALS,
    **{f"presences_{source}": query for source, query in PRESENCES.items()},
}

#: The record type that a query reads; those of a holder's own tables are not listed.
TABLES: dict[str, type[Record]] = {
    "clinic_totals": ClinicCount,
    "search_totals": SearchCount,
}
