#!/usr/bin/env python3
"""What `onward screen` takes, beside what a data engineer would do instead: an exact join of the same files in DuckDB.

    python3 -m venv venv && venv/bin/pip install duckdb==2.0.1
    venv/bin/python benches/beside_duckdb.py WORLD [--program target/release/onward] [--threads 2]

WORLD is a folder with orders.csv, shipments.csv and companies.csv, as `onward simulate --out WORLD` makes it. Prints a row
for reading all columns, for the join, and for the whole screening: wall seconds and the peak of resident memory. The join
ties an order line to a paper over the border of the same HS6 code within 180 days whose consignor has the buyer's
identifier or, folded to small letters without signs and legal forms, its name. It finds what is spelt alike; it conserves
nothing, and follows no chain.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

READING = """
select (select sum(hash(line)) from {shipments} line), (select sum(hash(line)) from {orders} line)
"""
FORMS = r"\b(тоо|жшс|ип|жк|ао|ақ|llp|too|zhshs|ltd|ip|ie|jsc)\b|[^\w]"
JOIN = """
with ordered as (
    select order_id, line_no, buyer_id, substr(hs_code, 1, 6) hs6, order_date::date as on_day,
        regexp_replace(lower(buyer_name), '{forms}', '', 'g') name from {orders}),
sent as (
    select document_number, line_no, consignor_id, substr(hs_code, 1, 6) hs6, date::date as on_day,
        regexp_replace(lower(consignor_name), '{forms}', '', 'g') name from {shipments} where consignee_country = 'RU')
select count(*) from (
    select o.order_id, o.line_no, s.document_number, s.line_no from ordered o join sent s
        on o.hs6 = s.hs6 and o.buyer_id = s.consignor_id and s.on_day between o.on_day and o.on_day + 180
    union
    select o.order_id, o.line_no, s.document_number, s.line_no from ordered o join sent s
        on o.hs6 = s.hs6 and o.name = s.name and s.on_day between o.on_day and o.on_day + 180)
"""


def ask(world, threads, query):
    """Runs one query in this process, which does nothing else."""
    import duckdb

    tables = {
        name: f"read_csv('{os.path.join(world, name)}.csv', all_varchar = true, header = true)"
        for name in ("orders", "shipments")
    }
    connection = duckdb.connect()
    connection.execute(f"set threads = {threads}")
    connection.execute(query.format(forms=FORMS, **tables)).fetchall()


def measure(name, command):
    """Runs a command and prints its row."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status != 0:
        sys.exit(f"{name}: ended with status {status}")
    processor = usage.ru_utime + usage.ru_stime
    print(f"| {name} | {seconds:.1f} s | {processor:.1f} s | {usage.ru_maxrss / 1000:.0f} MB |", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Times a screening beside an exact join of the same files in DuckDB.")
    parser.add_argument("world")
    parser.add_argument("--program", default="target/release/onward")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=("reading", "join"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        return ask(arguments.world, arguments.threads, READING if arguments.only == "reading" else JOIN)
    again = [sys.executable, __file__, arguments.world, "--threads", str(arguments.threads), "--only"]
    print("| what | wall | processor | peak memory |\n|---|---|---|---|")
    measure("DuckDB reads all columns", [*again, "reading"])
    measure("DuckDB joins exact keys", [*again, "join"])
    with tempfile.TemporaryDirectory() as found:
        files = [
            part
            for name in ("orders", "shipments", "companies")
            for part in (f"--{name}", os.path.join(arguments.world, f"{name}.csv"))
        ]
        measure("onward screen", [arguments.program, "screen", "--quiet", "--out", found, *files])


if __name__ == "__main__":
    main()
