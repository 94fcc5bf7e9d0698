"""Totals of utility meters from a folder of statements and meter details, by the specification, as plainly as it goes.

Standard library only. Reads every *.json of the folder, and prints for each meter what it used in kWh, whether that is
complete, how many groups wait for a person, and how many gaps there are. Knows the shapes, units and rules that the test
makes: statements with meterId or meterNumber, meter details with meterId; Wh, kWh and MWh.
"""

import datetime
import decimal
import glob
import itertools
import json
import sys

WH = {"Wh": 1, "kWh": 1000, "MWh": 1000000}
DISTRIBUTOR = {"TRANSMISSION", "DISTRIBUTION", "COMBINED_DELIVERY"}
ONE_DAY = datetime.timedelta(days=1)


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def rank_of(account):
    classes = {str(p.get("classification")).upper() for p in as_list(account.get("providers"))}
    return 0 if classes & {"MAIN", "PRIMARY"} else 1 if classes & {"ADDITIONAL", "SECONDARY"} else 2


def reading(record, usage, account, statement_date):
    start, end = (datetime.date.fromisoformat(record[name][:10]) for name in ("periodStart", "periodEnd"))
    if usage is not None:
        usage = decimal.Decimal(str(usage)) * WH[record["usageUnit"]]
    stages = {str(c.get("lifeCycleStage")).upper() for c in as_list(account.get("charges"))}
    return {
        "start": start,
        "end": end + ONE_DAY if start == end else end,
        "usage": usage,
        "delivery": str(record.get("deregulationStatus")).upper() == "DELIVERY_ONLY",
        "stage": bool(stages & DISTRIBUTOR),
        "rank": rank_of(account),
        "date": statement_date or "",
    }


def statement_parts(document):
    """Key, order, readings by meter, of each account."""
    accounts = as_list(document.get("accountData"))
    shared = {}
    for account in accounts:
        for record in as_list(account.get("meterData")):
            if record.get("meterNumber"):
                mine = (rank_of(account) != 0, account["accountNumber"])
                number = record["meterNumber"]
                shared[number] = min(shared.get(number, mine), mine)
    for account in accounts:
        providers = as_list(account.get("providers"))
        main = [p for p in providers if str(p.get("classification")).upper() in ("MAIN", "PRIMARY")] or providers
        key = ("account", account["accountNumber"], main[0]["name"], document["statementDate"])
        readings = []
        for record in as_list(account.get("meterData")):
            meter = record.get("meterId") or (record["meterNumber"], shared[record["meterNumber"]][1])
            found = reading(record, record.get("totalUsage"), account, document["statementDate"])
            readings.append((meter, found))
        yield key, (document.get("lastModifiedAt") or "", document["id"]), readings


def detail_parts(document):
    readings = []
    for record in document["usages"]:
        kinds = [
            str(c.get("tariffRateComponentType") or c.get("tarffRateComponentType")).upper()
            for c in as_list(record.get("tariffRateComponents"))
        ]
        if "TOTAL" in kinds and str(record.get("contributionStatus")).upper() == "CONTRIBUTING":
            readings.append((document["meterId"], reading(record, record.get("measuredUsage"), {}, None)))
    yield ("details", document["meterId"]), ("",), readings


def is_same(one, other):
    return (
        abs(one["start"] - other["start"]) <= ONE_DAY
        and abs(one["end"] - other["end"]) <= ONE_DAY
        and min(one["end"], other["end"]) > max(one["start"], other["start"])
    )


def groups_of(readings):
    left = list(readings)
    while left:
        group = [left.pop()]
        grown = True
        while grown:
            more = [one for one in left if any(is_same(one, member) for member in group)]
            left = [one for one in left if one not in more]
            group += more
            grown = bool(more)
        yield group


def best(group, readings):
    periods = [(one["start"], one["end"]) for one in group]
    most = max(periods.count(period) for period in periods)
    return min(
        readings,
        key=lambda one: (
            one["rank"],
            [-ord(letter) for letter in one["date"]] or [1],
            periods.count((one["start"], one["end"])) != most,
        ),
    )


def decide(group):
    """The reading that counts, or None for a person."""
    if len(group) == 1:
        return group[0]
    usages = {one["usage"] for one in group}
    is_chain = not all(is_same(one, other) for one, other in itertools.combinations(group, 2))
    has_centre = any(all(is_same(one, other) for other in group if other is not one) for one in group)
    if None not in usages and len(usages) == 1 and (not is_chain or has_centre):
        return best(group, group)
    if is_chain:
        return None
    for evidence in ("delivery", "stage"):
        having = [one for one in group if one[evidence]]
        if having:
            values = {one["usage"] for one in having}
            return best(group, having) if None not in values and len(values) == 1 else None
    return None


def account_for(readings):
    total, open_reviews, without, spans, live = decimal.Decimal(0), 0, 0, [], []
    for number, group in enumerate(groups_of(readings)):
        chosen = decide(group)
        if chosen is None:
            open_reviews += 1
            spans.append((min(one["start"] for one in group), max(one["end"] for one in group)))
            live += [(number, one) for one in group if one["usage"] is not None]
            continue
        spans.append((chosen["start"], chosen["end"]))
        if chosen["usage"] is None:
            without += 1
        else:
            total += chosen["usage"]
            live.append((number, chosen))
    overlaps = any(
        a != b and min(one["end"], other["end"]) > max(one["start"], other["start"])
        for (a, one), (b, other) in itertools.combinations(live, 2)
    )
    gaps, last = 0, None
    for start, end in sorted(spans):
        gaps += last is not None and start - last > ONE_DAY
        last = end if last is None else max(last, end)
    return {
        "total": format((total / 1000).normalize(), "f"),
        "openReviews": open_reviews,
        "complete": not (open_reviews or without or overlaps or gaps),
        "gaps": gaps,
    }


def main():
    decimal.getcontext().prec = 60
    latest = {}
    for path in glob.glob(sys.argv[1] + "/**/*.json", recursive=True):
        with open(path, encoding="utf-8") as file:
            documents = as_list(json.load(file, parse_float=decimal.Decimal))
        for document in documents:
            parts = detail_parts(document) if "usages" in document else statement_parts(document)
            for key, order, readings in parts:
                if key not in latest or order > latest[key][0]:
                    latest[key] = (order, readings)
    meters = {}
    for _, readings in latest.values():
        for meter, one in readings:
            meters.setdefault(meter, []).append(one)
    names = {meter: meter[0] if isinstance(meter, tuple) else meter for meter in meters}
    print(json.dumps({names[meter]: account_for(readings) for meter, readings in meters.items()}))


main()
