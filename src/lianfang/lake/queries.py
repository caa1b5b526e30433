"""Every query that the project asks of the lake, by name, in the SQL that DuckDB and Spark both speak.

``TABLES`` says which record type a query reads; a test runs each on both engines and compares the rows.
"""

from __future__ import annotations

from lianfang.records import ClinicCount, DailyCount, MigrationFlow, Record, SearchCount

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

LATEST_COUNTS = """
SELECT c.source, c.place, c.adcode, c.date, c.confirmed, c.suspected, c.dead, c.cured, c.current, c.severe
FROM daily_count c
JOIN (SELECT source, place, MAX(date) AS last FROM daily_count WHERE date <= :as_of GROUP BY source, place) l
  ON c.source = l.source AND c.place = l.place AND c.date = l.last
ORDER BY c.source, c.place
"""

OUTFLOW = """
SELECT to_adcode, SUM(value) AS value
FROM migration_flow WHERE date >= :since AND date <= :as_of AND from_adcode = :place
GROUP BY to_adcode ORDER BY to_adcode
"""

QUERIES: dict[str, str] = {
    "clinic_totals": CLINIC_TOTALS,
    "search_totals": SEARCH_TOTALS,
    "latest_counts": LATEST_COUNTS,
    "outflow": OUTFLOW,
}

TABLES: dict[str, type[Record]] = {
    "clinic_totals": ClinicCount,
    "search_totals": SearchCount,
    "latest_counts": DailyCount,
    "outflow": MigrationFlow,
}
