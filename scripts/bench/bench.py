#!/usr/bin/env python3
"""What a request, a byte and an idle connection cost in Headwater, beside nginx, HAProxy and a blind relay.

Each proxy has one worker on a core of its own; the load and the origins share the other cores. The main figure
is processor time divided by requests: unlike requests per second it does not depend on how fast the load is.
The proxies take turns in short rounds, and the median round counts. docs/performance.md explains the method.

    scripts/bench/bench.py                                    the loads, a few minutes
    scripts/bench/bench.py --all                              everything, system calls and instructions too
    scripts/bench/bench.py --only small,16k --rounds 5 --proxies headwater,nginx
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import figures
import report
import scenarios
import servers

MORE = ("steady", "slow", "idle", "workers", "calls", "instructions")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("HEADWATER_BIN", servers.TARGET / "release" / "headwater"))
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=BINARY",
                        help="a further binary that reads the same configuration, an older build say")
    parser.add_argument("--proxies", default="headwater,nginx,haproxy,floor")
    parser.add_argument("--only", help="comma-separated, of " + ", ".join((*scenarios.LOADS, *MORE)))
    parser.add_argument("--all", action="store_true", help="every scenario, not the loads alone")
    parser.add_argument("--seconds", type=int, default=2, help="length of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", default="10000", help="numbers of idle clients, comma-separated")
    parser.add_argument("--congestion", metavar="NAME", help="run in a network namespace whose TCP uses this congestion "
                        "control, reno say: without the timers of one that paces (needs root)")
    parser.add_argument("--out", type=pathlib.Path, help="a directory for DATE.json")
    parser.add_argument("--charts", type=pathlib.Path, help="a directory for the charts")
    return parser.parse_args()


def versions(binaries):
    found = {}
    for name, binary in binaries.items():
        if name != "floor":
            said = subprocess.run([binary, "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
            found[name] = said.splitlines()[0] if said else ""
    return found


def congestion():
    """Which congestion control TCP uses: one that paces (bbr) costs all proxies timers, and changes the ratios."""
    return pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def binaries_of(options):
    found = {}
    for name in options.proxies.split(","):
        if name == "headwater":
            found[name] = options.binary
        elif name == "floor":
            found[name] = servers.TARGET / "release" / "examples" / "floor"
        else:
            found[name] = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin") or sys.exit(f"{name} is missing")
    return found | dict(pair.split("=", 1) for pair in options.beside)


def in_rounds(options, running, measure):
    """The median of each figure, for each proxy that has the door. The first round warms up and is short."""
    rounds = {}
    for number in range(options.rounds + 1):
        for name, server in running.items():
            found = measure(server, options.seconds if number else 1)
            if found and number:
                rounds.setdefault(name, []).append(found)
    return {name: {key: figures.median([one[key] for one in found]) for key in found[0]} |
            {"spread": max(one["cost"] for one in found) / min(one["cost"] for one in found) - 1}
            for name, found in rounds.items()}


def measure_loads(options, wanted, running, context):
    results = {}
    for name in wanted:
        if name in scenarios.LOADS:
            load = scenarios.LOADS[name]
            found = in_rounds(options, running, lambda server, s: scenarios.one_round(name, server, s, context))
            results[name] = {"title": load.title, "unit": load.unit, "proxies": found}
        elif name == "steady":
            found = in_rounds(options, running, lambda server, s: scenarios.steady(server, s, context))
            results[name] = {"title": "a steady 3,000 small GET a second", "unit": "µs per request", "proxies": found}
        else:
            continue
        print(report.loads({name: results[name]}).split("\n", 2)[2], flush=True)
    return results


class Bench:
    """The proxies, started anew for what must not carry traces of the loads."""

    def __init__(self, options, binaries, context, cores):
        self.options, self.binaries, self.context = options, binaries, context
        self.cores, self.started = cores, 0

    def start(self, name, workers=1, cores=None, by_processor=False):
        self.started += 1
        return servers.start(name, self.binaries[name], self.context.scratch / str(self.started), cores or self.cores,
                             self.context.backends, workers, by_processor)

    def each(self, measure, workers=1, cores=None, names=None, by_processor=False):
        """`measure(server)` of every proxy, each started for it alone."""
        found = {}
        for name in names or self.binaries:
            server = self.start(name, workers, cores, by_processor)
            try:
                result = measure(server)
            finally:
                server.stop()
            if result:
                found[name] = result
        return found

    def readers_of_conf(self):
        """Those that do all of nginx.conf: they alone have a door without upstream, and a door for memcached."""
        return [name for name in self.binaries if name not in ("haproxy", "floor")]

    def slow(self):
        found = {}
        for door, title in (("pooled", "buffering on"), ("streamed", "buffering off")):
            by_proxy = self.each(lambda server: scenarios.slow_readers(server, door, self.context),
                                 names=[name for name in self.binaries if name != "floor"])
            found[title] = by_proxy
            print(report.rows(f"200 slow readers of 1 MiB, {title}", [
                ("peak memory MiB", "peak_memory", 1 << 20), ("growth MiB", "growth", 1 << 20),
                ("upstream held s", "upstream_held_s", 1), ("all took s", "took_s", 1),
                ("temp files MiB", "temp_file_bytes", 1 << 20)], by_proxy.items()), flush=True)
        return found

    def idle(self):
        found = {}
        for count in map(int, self.options.idle.split(",")):
            # a process may have so many sockets, so many clients need several workers
            workers = 1 + count // 12_000 if count > 15_000 else 1
            by_proxy = self.each(lambda server: scenarios.idle_clients(server, count, self.context), workers=workers,
                                 names=self.readers_of_conf())
            found[count] = by_proxy
            print(report.rows(f"{count} idle keep-alive clients, {workers} worker(s), live requests beside them", [
                ("bytes each", "bytes_each", 1), ("kept", "kept", 1), ("live µs", "cost", 1),
                ("live p50 ms", "p50_ms", 1), ("live p99 ms", "p99_ms", 1)], by_proxy.items()), flush=True)
        return found

    def workers(self):
        found = {}
        for count in (1, 2, 4):
            found[count] = self.each(lambda server: scenarios.spread(server, self.context), workers=count,
                                     cores=os.sched_getaffinity(0), names=self.readers_of_conf())
            print(report.rows(f"{count} worker(s) on one port", [
                ("busiest over fair share", "busiest_over_fair", 1), ("requests/s", "rate", 1),
                ("p99 ms", "p99_ms", 1)], found[count].items()), flush=True)
        # one worker per core and clients on each: does a connection cost less at home? nginx has no such choice
        cores = os.sched_getaffinity(0)
        ours = [name for name in self.readers_of_conf() if name != "nginx"]
        for title, by_processor in (("any worker", False), ("the processor's worker", True)):
            found[title] = self.each(lambda server: scenarios.everywhere(server, self.context), len(cores), cores, ours,
                                     by_processor)
            print(report.rows(f"a worker per core, clients on every core, connections go to {title}", [
                ("µs per request", "cost", 1), ("requests/s", "rate", 1)], found[title].items()), flush=True)
        return found

    def instructions(self):
        found = {}
        for name in self.readers_of_conf():
            directory = self.context.scratch / f"counted-{name}"
            (directory / "logs").mkdir(parents=True)
            ports = {door: servers.free_port() for door in servers.DOORS}
            backends = self.context.backends
            conf = servers.NGINX.format(**ports | {
                "origin": backends.origin.ports["origin"], "memcached": backends.memcached.ports["memcached"],
                "memcached_door": ports["memcached"], "files": 1024, "connections": 500, "workers": 1,
                "reuseport": "", "affinity": ""})
            (directory / "nginx.conf").write_text("master_process off;" + conf)
            command = [self.binaries[name], "-p", f"{directory}/", "-c", "nginx.conf", "-e", "error.log"]
            found[name] = {door: figures.instructions(command, directory, ports[door], "/small")
                           for door in ("pooled", "usual", "memcached")}
        print(report.rows("user-space instructions per request", [
            ("small GET", "pooled", 1), ("usual location", "usual", 1), ("memcached get", "memcached", 1)],
                          found.items()), flush=True)
        return found


def measure(options, wanted, bench, context):
    results = {}
    running = {}
    try:
        for name in bench.binaries:
            running[name] = bench.start(name)
        print(report.loads({}), flush=True)
        results["loads"] = measure_loads(options, wanted, running, context)
        if "calls" in wanted:
            names = [name for name in scenarios.LOADS if not options.only or name in wanted]
            results["calls"] = {scenario: {name: counts for name, server in running.items()
                                           if (counts := scenarios.calls(scenario, server, context))}
                                for scenario in names}
            print(report.calls(results["calls"]), flush=True)
    finally:
        for server in running.values():
            server.stop()
    for name in ("slow", "idle", "workers", "instructions"):
        if name in wanted:
            results[name] = getattr(bench, name)()
    return results


@contextlib.contextmanager
def place(cores):
    """A scratch directory, and the backends on all cores but the first, which is for the proxies."""
    load_cores = set(cores[1:]) or {cores[0]}
    fast = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as scratch, \
            tempfile.TemporaryDirectory(prefix="headwater-bench-", dir=fast) as bodies:
        scratch, bodies = pathlib.Path(scratch), pathlib.Path(bodies)
        scratch.chmod(0o755)
        bodies.chmod(0o755)
        backends = servers.Backends(scratch, bodies, load_cores, 18_000)
        try:
            yield scenarios.Context(scratch, backends, load_cores)
        finally:
            backends.stop()


def main():
    options = arguments()
    if options.congestion:
        in_namespace(options.congestion)
    wanted = options.only.split(",") if options.only else [*scenarios.LOADS, *(MORE if options.all else ())]
    unknown = set(wanted) - set(scenarios.LOADS) - set(MORE)
    if unknown:
        sys.exit(f"no such scenario: {', '.join(unknown)}")
    subprocess.run([servers.ROOT / "scripts" / "setup.sh", "bench"], check=True)
    binaries = binaries_of(options)
    cores = sorted(os.sched_getaffinity(0))
    with place(cores) as context:
        results = measure(options, wanted, Bench(options, binaries, context, {cores[0]}), context)
    results["about"] = {"versions": versions(binaries), "cores": len(cores), "kernel": platform.release(),
                        "congestion": congestion(),
                        "rounds": options.rounds, "seconds": options.seconds,
                        "date": datetime.datetime.now().isoformat(timespec="seconds")}
    write(options, results)


def in_namespace(name):
    """Runs this program again in a network namespace of its own, with that congestion control."""
    rest = without(sys.argv[1:], "--congestion")
    setting = "/proc/sys/net/ipv4/tcp_congestion_control"
    script = f'ip link set lo up && echo "$0" > {setting} && exec "$@"'
    command = ["unshare", "--net", "sh", "-c", script, name, sys.executable, sys.argv[0], *rest]
    os.execvp(command[0], command)


def without(words, option):
    """The words but for an option and its value."""
    words = iter(words)
    for word in words:
        if word == option:
            next(words, None)
        elif not word.startswith(option + "="):
            yield word


def write(options, results):
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        name = results["about"]["date"].replace(":", "").replace("T", "-") + ".json"
        (options.out / name).write_text(json.dumps(results, indent=1) + "\n")
        print(f"written: {options.out / name}")
    if options.charts:
        options.charts.mkdir(parents=True, exist_ok=True)
        for name, entry in results["loads"].items():
            (options.charts / f"{name}.svg").write_text(report.chart(entry))


if __name__ == "__main__":
    main()
