#!/usr/bin/env python3
"""The table of speed and size, row by row: what is asked, what was measured, whether it holds.

    cargo build --release
    cargo build --release -p onward-benches --example ingest_load --example screening_latency
    python3 -m venv venv && venv/bin/pip install duckdb==2.0.1
    venv/bin/python benches/table.py [--scale 0.1] [--rows screen,again] [--folder FOLDER]

All rows at full size take some hours and 30 GB of disk; `--scale` makes worlds and times smaller, and what is printed then
says nothing of the targets. Worlds are those of `onward simulate --seed 1`. Without DuckDB the rows that need it say so.
"""

import argparse
import filecmp
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TABLES = ("decisions.csv", "links.csv", "parties.csv")
BESIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "beside_duckdb.py")


class Measured:
    """A command that ended well: wall seconds, peak of resident memory in MB, what it said."""

    def __init__(self, command):
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds = time.monotonic() - began
        self.peak_mb = usage.ru_maxrss / 1000
        process.returncode = status
        if status != 0:
            raise RuntimeError(f"{' '.join(command)}: ended with status {status}")


class Bench:
    """Where programs and worlds are, and what was measured already."""

    def __init__(self, arguments, folder):
        self.program, self.loads, self.parquet = arguments.program, arguments.loads, arguments.parquet_program
        self.scale, self.folder = arguments.scale, folder
        self.has_duckdb = importlib.util.find_spec("duckdb") is not None
        self.screened = {}

    def scaled(self, count, least=1):
        return max(least, int(count * self.scale))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def world(self, orders, shipments):
        """A world of so many lines, made when it is not there."""
        world = self.path(f"world-{orders}x{shipments}")
        if not os.path.exists(world):
            Measured([self.program, "simulate", "--quiet", "--out", world, "--seed", "1",
                      "--orders", str(orders), "--shipments", str(shipments)])
        return world

    def large(self):
        return self.world(self.scaled(300_000, 1_000), self.scaled(3_000_000, 10_000))

    def screen(self, world, out, *more, kinds=("orders", "shipments", "companies"), ending="csv", program=None):
        files = [part for kind in kinds for part in (f"--{kind}", os.path.join(world, f"{kind}.{ending}"))]
        return Measured([program or self.program, "screen", "--quiet", "--out", self.path(out), *files, *more])

    def full(self, world):
        """The world screened once, from CSV, with default settings."""
        if world not in self.screened:
            self.screened[world] = self.screen(world, "full-" + os.path.basename(world))
        return self.screened[world]

    def load(self, *arguments):
        said = Measured([os.path.join(self.loads, arguments[0]), *map(str, arguments[1:])]).said
        return said.strip().splitlines()


def row(what, asked, found, holds):
    verdict = "not measured" if holds is None else "yes" if holds else "**no**"
    print(f"| {what} | {asked} | {found} | {verdict} |", flush=True)


def screen(bench):
    world = bench.large()
    if bench.has_duckdb:
        ask = [sys.executable, BESIDE, world, "--only"]
        reading, join = Measured([*ask, "reading"]).seconds, Measured([*ask, "join"]).seconds
    found = bench.full(world)
    what = f"screening {os.path.basename(world)[6:]} lines"
    if bench.has_duckdb:
        row(what, f"the join in DuckDB, {join:.1f} s; 3 times its reading, {3 * reading:.1f} s",
            f"{found.seconds:.1f} s", found.seconds <= min(join, 3 * reading))
    else:
        row(what, "the join in DuckDB", f"{found.seconds:.1f} s; DuckDB is not installed", None)
    row("its memory", "1,500 MB", f"{found.peak_mb:,.0f} MB", found.peak_mb <= 1_500)


def larger(bench):
    before = bench.full(bench.large())
    found = bench.full(bench.world(bench.scaled(1_000_000, 3_333), bench.scaled(10_000_000, 33_333)))
    times = found.seconds / before.seconds
    row("1,000,000 x 10,000,000, against that", "3.7 times", f"{times:.1f} times, {found.seconds:.0f} s", times <= 3.7)
    row("its memory", "4,000 MB", f"{found.peak_mb:,.0f} MB", found.peak_mb <= 4_000)


def parquet(bench):
    if not (bench.parquet and bench.has_duckdb):
        return row("the same from Parquet", "1.5 times as fast", "needs --parquet-program and DuckDB", None)
    import duckdb

    world = bench.large()
    for kind in ("orders", "shipments", "companies"):
        source, target = os.path.join(world, f"{kind}.csv"), os.path.join(world, f"{kind}.parquet")
        duckdb.execute(f"copy (from read_csv('{source}', all_varchar = true, header = true)) to '{target}'")
    found = bench.screen(world, "from-parquet", ending="parquet", program=bench.parquet)
    times = bench.full(world).seconds / found.seconds
    row("the same from Parquet", "1.5 times as fast", f"{times:.2f} times, {found.seconds:.1f} s", times >= 1.5)


def again(bench):
    world, parts = bench.large(), {}
    for part in ("before", "new"):
        parts[part] = bench.path(part)
        os.makedirs(parts[part], exist_ok=True)
    for kind in ("orders", "shipments"):
        with open(os.path.join(world, f"{kind}.csv"), encoding="utf-8") as file:
            row_count = sum(1 for _ in file) - 1
        with open(os.path.join(world, f"{kind}.csv"), encoding="utf-8") as file:
            header, new = file.readline(), row_count - row_count // 100
            outs = {part: open(os.path.join(parts[part], f"{kind}.csv"), "w", encoding="utf-8") for part in parts}
            for out in outs.values():
                out.write(header)
            for number, line in enumerate(file):
                outs["before" if number < new else "new"].write(line)
            for out in outs.values():
                out.close()
    shutil.copy(os.path.join(world, "companies.csv"), parts["before"])
    state = bench.path("state")
    shutil.rmtree(state, ignore_errors=True)
    first = bench.screen(parts["before"], "first", "--state", state)
    found = bench.screen(parts["new"], "again", "--state", state, kinds=("orders", "shipments"))
    whole = bench.full(world)
    full = bench.path("full-" + os.path.basename(world))
    if not all(filecmp.cmp(os.path.join(full, name), bench.path("again", name), shallow=False) for name in TABLES):
        raise RuntimeError("a run that went on wrote other bytes than one run over everything")
    share = 100 * found.seconds / whole.seconds
    row("1 % new lines, from a kept state", "10 % of the full time, the same bytes",
        f"{share:.0f} %, {found.seconds:.1f} s, {found.peak_mb:,.0f} MB, the same bytes; "
        f"the run that was kept took {first.seconds:.1f} s, {first.peak_mb:,.0f} MB", share <= 10)


def ingest(bench):
    seconds = bench.scaled(600, 10)
    lines = bench.load("ingest_load", "--program", bench.program, "rates", "--seconds", seconds, "--held",
                       bench.scaled(100_000, 1_000), "--orders-rate", 15_000, "--shipments-rate", 25_000)
    for line in lines[2:]:
        kind, offered, reached, slowest, p50, p99 = line.split()[:6]
        holds = float(reached) >= 0.995 * float(offered) and float(p99) <= 40
        row(f"durable ingest of {kind}, {seconds} s", f"{offered}/s, acknowledged at p99 in 40 ms",
            f"{reached}/s, slowest 10 s {slowest}/s, p50 {p50} ms, p99 {p99} ms", holds)


def alerts(bench):
    held = bench.scaled(1_000_000, 10_000)
    found = bench.load("ingest_load", "--program", bench.program, "alerts", "--seconds", bench.scaled(60, 10),
                       "--held", held, "--rate", 2_000)[-1].split()
    p50, p99 = float(found[5]), float(found[6])
    row(f"alert at the client, 2,000/s, {held:,} lines held", "p50 15 ms, p99 100 ms", f"p50 {p50} ms, p99 {p99} ms",
        p50 <= 15 and p99 <= 100)


def order(bench):
    held = bench.scaled(10_000_000, 10_000)
    lines = bench.load("screening_latency", held // 5, held - held // 5)
    for line in lines[1:]:
        dated, median, p99 = re.search(r"orders (.*), cases.*median (\d+) us.*p99 (\d+)", line).groups()
        row(f"one order {dated}, {held:,} lines held, without the wire", "p99 5 ms, 2,000/s",
            f"median {int(median) / 1e3:.2f} ms, p99 {int(p99) / 1e3:.1f} ms", int(p99) <= 5_000)


def start(bench):
    """A service on a store that was killed: until it listens; and how large the store is."""
    shipments = bench.scaled(10_000_000, 10_000)
    world, store = bench.world(shipments // 10, shipments), bench.path("store.redb")
    files = {kind: os.path.join(world, f"{kind}.csv") for kind in ("companies", "shipments", "orders")}

    def serve():
        began = time.monotonic()
        command = [bench.program, "serve", "--listen", "127.0.0.1:0", "--log-filter", "error", "--data", store]
        service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = re.search(r"http://[^\s]*\d", service.stdout.readline()).group()
        return service, address, time.monotonic() - began

    service, address, _ = serve()
    try:
        given = [part for kind, path in files.items() for part in (f"--{kind}", path)]
        Measured([bench.program, "import", "--quiet", "--server", address, *given])
    finally:
        service.kill()
        service.wait()
    times = os.path.getsize(store) / sum(map(os.path.getsize, files.values()))
    service, _, seconds = serve()
    service.kill()
    service.wait()
    row(f"start after a kill, {shipments:,} papers stored", "2 s", f"{seconds:.2f} s", seconds <= 2)
    row("store, killed at the end of the import", "2.5 times the CSV", f"{times:.1f} times", times <= 2.5)


ROWS = {one.__name__: one for one in (screen, larger, parquet, again, ingest, alerts, order, start)}


def main():
    parser = argparse.ArgumentParser(description="Prints the table of speed and size.")
    parser.add_argument("--program", default="target/release/onward")
    parser.add_argument("--parquet-program", help="the program built with --features parquet")
    parser.add_argument("--loads", default="target/release/examples", help="folder of the built loads")
    parser.add_argument("--scale", type=float, default=1.0, help="worlds and times by this factor")
    parser.add_argument("--rows", default=",".join(ROWS), help="which rows: " + ", ".join(ROWS))
    parser.add_argument("--folder", help="where worlds and stores lie; a temporary one when nothing is said")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        bench, failed = Bench(arguments, folder), 0
        print(f"scale {arguments.scale}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print("| what | asked | measured | holds |\n|---|---|---|---|")
        for name in arguments.rows.split(","):
            try:
                ROWS[name](bench)
            except (RuntimeError, AttributeError, ValueError) as error:
                failed += 1
                row(name, "", f"failed: {error}", None)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
