"""The same job in DuckDB: readings of one meter that start within a day of each other are a set (in these readings that is
the same as "same period", which the general rule would have to find by a recursive query), then the rules in order."""
import sys
import time
from decimal import Decimal

import duckdb

db = duckdb.connect(":memory:")
db.execute("SET preserve_insertion_order = false")
db.execute("SET enable_progress_bar = false")
db.execute("""
CREATE TABLE readings ("meter" INTEGER, "start" INTEGER, "end" INTEGER, amount DECIMAL(18, 3), statement INTEGER,
                       delivery BOOLEAN, stage BOOLEAN, class TINYINT, place INTEGER)
""")
db.execute(f"COPY readings FROM '{sys.argv[1]}' (FORMAT csv, HEADER false)")

QUERY = """
WITH near AS (
    SELECT *, "start" - lag("start") OVER w AS before, lead("start") OVER w - "start" AS after
    FROM readings WINDOW w AS (PARTITION BY meter ORDER BY "start")
), doubled AS (
    SELECT *, sum(CASE WHEN before <= 1 THEN 0 ELSE 1 END)
        OVER (PARTITION BY meter ORDER BY "start") AS number
    FROM near WHERE before <= 1 OR after <= 1
), shaped AS (
    SELECT *, min("start") OVER s AS start0, max("start") OVER s AS start1, min("end") OVER s AS end0,
        max("end") OVER s AS end1, count(*) OVER (PARTITION BY meter, number, "start", "end") AS alike
    FROM doubled WINDOW s AS (PARTITION BY meter, number)
), ranked AS (
    SELECT *, start1 - start0 > 1 OR end1 - end0 > 1 OR end0 <= start1 AS chain,
        start1 - "start" <= 1 AND "start" - start0 <= 1 AND end1 - "end" <= 1 AND "end" - end0 <= 1
            AND end0 > "start" AND "end" > start1 AS around,
        -- Class, later statement, majority, place: one number, the smallest is the best.
        ((class::BIGINT * 100000 + 99999 - statement) * 2
            + (alike < max(alike) OVER (PARTITION BY meter, number))::BIGINT) * 4294967296 + place AS rank
    FROM shaped
), sets AS (
    SELECT count(amount) = count(*) AND min(amount) = max(amount) AS same, bool_or(chain) AS chain,
        bool_or(around) AS around,
        count(*) FILTER (delivery) AS deliveries, count(amount) FILTER (delivery) AS delivered,
        min(amount) FILTER (delivery) = max(amount) FILTER (delivery) AS delivery_same,
        min(rank) FILTER (delivery) AS delivery_best, arg_min(amount, rank) FILTER (delivery) AS delivery_amount,
        count(*) FILTER (stage) AS stages, count(amount) FILTER (stage) AS staged,
        min(amount) FILTER (stage) = max(amount) FILTER (stage) AS stage_same,
        min(rank) FILTER (stage) AS stage_best, arg_min(amount, rank) FILTER (stage) AS stage_amount,
        min(rank) AS best, arg_min(amount, rank) AS amount
    FROM ranked GROUP BY meter, number
), ruled AS (
    SELECT CASE
        WHEN same AND (NOT chain OR around) THEN 'same_value'
        WHEN chain THEN 'chained'
        WHEN deliveries > 0 AND delivered < deliveries THEN 'distributor_without_usage'
        WHEN deliveries > 0 AND delivery_same THEN 'delivery_only'
        WHEN deliveries > 0 THEN 'conflicting_distributors'
        WHEN stages > 0 AND staged < stages THEN 'distributor_without_usage'
        WHEN stages > 0 AND stage_same THEN 'lifecycle_stage'
        WHEN stages > 0 THEN 'conflicting_distributors'
        ELSE 'no_distributor_evidence' END AS rule, *
    FROM sets
)
SELECT rule, count(*),
    sum(CASE rule WHEN 'same_value' THEN amount WHEN 'delivery_only' THEN delivery_amount
        WHEN 'lifecycle_stage' THEN stage_amount END),
    sum(CASE rule WHEN 'same_value' THEN best WHEN 'delivery_only' THEN delivery_best
        WHEN 'lifecycle_stage' THEN stage_best END % 4294967296)
FROM ruled GROUP BY rule
UNION ALL
SELECT 'in sets', count(*), sum(amount), sum(place) FROM doubled
UNION ALL
SELECT 'all', count(*), sum(amount), sum(place) FROM readings
"""


def memory(name):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024


try:  # The most from here on, not that of reading the file.
    with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")
except OSError:
    pass
before = memory("VmRSS")
times = []
for _ in range(3):
    begin = time.perf_counter()
    rows = {rule: numbers for rule, *numbers in db.execute(QUERY).fetchall()}
    times.append(time.perf_counter() - begin)
print("seconds", min(times))
print("peak_mib", memory("VmHWM"))
threads = db.execute("SELECT current_setting('threads')").fetchone()[0]
print(f"other {threads} threads; version {duckdb.__version__}; {before:.0f} MiB before the query")
every, doubled = rows.pop("all"), rows.pop("in sets")
# Readings that are alone are all but those in sets.
rows["single"] = [one - other for one, other in zip(every, doubled)]
for rule, (sets, amount, places) in rows.items():
    print(f"{rule}: {sets} sets, {(amount or Decimal(0)).normalize():f} kWh, {places or 0}")
