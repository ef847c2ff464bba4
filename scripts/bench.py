#!/usr/bin/env python3
"""What a proxied request costs in processor time, beside nginx if that is installed.

One proxy with one worker runs on a core of its own; the load (wrk) and the origin share the other cores.
The figure is the worker's processor time, user and system, divided by the requests it answered: unlike
requests per second it does not depend on how much of the machine the load itself eats. Each scenario runs
in rounds, the proxies taking turns, and the median round counts.

    scripts/bench.py [--seconds 2] [--rounds 3] [--only small,large] [--against /usr/sbin/nginx]
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

ORIGIN = """
daemon off; pid nginx.pid; worker_processes 1; error_log error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000; keepalive_timeout 1h; client_max_body_size 10m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {dir}; types {{ }}
        location = /small {{ return 200 "{small}"; }}
        location = /post {{ client_body_buffer_size 64k; return 200 ok; }}
    }}
}}
"""

PROXY = """
daemon off; pid nginx.pid; worker_processes 1; error_log error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000; keepalive_timeout 1h; client_max_body_size 10m;
    upstream pooled {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 100000000; }}
    upstream fresh {{ server 127.0.0.1:{origin}; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_http_version 1.1; proxy_set_header Connection "";
        location / {{ proxy_pass http://pooled; }}
        location /fresh/ {{ proxy_set_header Connection close; proxy_pass http://fresh/; }}
        location /unbuffered/ {{ proxy_buffering off; proxy_pass http://pooled/; }}
    }}
}}
"""

POST = """
wrk.method = "POST"
wrk.body = string.rep("b", 16384)
"""

# name: path, connections, further arguments of wrk
SCENARIOS = {
    "small": ("/small", 32, []),
    "fresh-upstream": ("/fresh/small", 32, []),
    "fresh-client": ("/small", 32, ["-H", "Connection: close"]),
    "16k": ("/16k", 32, []),
    "post-16k": ("/post", 16, ["-s", "post.lua"]),
    "1m": ("/1m", 8, []),
    "1m-unbuffered": ("/unbuffered/1m", 8, []),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def worker_of(master):
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == master:
                return int(entry)
    return None


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """One server below a directory of its own, its processes kept to the given cores."""

    def __init__(self, binary, prefix, conf, cores):
        (prefix / "logs").mkdir(parents=True)
        (prefix / "nginx.conf").write_text(conf)
        command = [str(binary), "-p", f"{prefix}/", "-c", "nginx.conf", "-e", "error.log"]
        self.process = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        end = time.monotonic() + 10
        while not (prefix / "nginx.pid").exists() or not worker_of(self.process.pid):
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{binary} does not start:\n" + (prefix / "error.log").read_text())
            time.sleep(0.01)
        self.worker = worker_of(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def load(port, scenario, seconds, scratch, cores):
    """Requests answered and failures, as wrk counts them."""
    path, connections, more = SCENARIOS[scenario]
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", *more, f"http://127.0.0.1:{port}{path}"]
    run = subprocess.run(command, cwd=scratch, text=True, check=True, stdout=subprocess.PIPE,
                         preexec_fn=lambda: os.sched_setaffinity(0, cores))
    done = int(re.search(r"(\d+) requests in", run.stdout).group(1))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", run.stdout)
    failed = sum(map(int, errors.groups())) if errors else 0
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", run.stdout)
    return done, failed + (int(bad.group(1)) if bad else 0)


def measure(proxies, scenarios, arguments, scratch, load_cores):
    print(f"{'microseconds per request':26}" + "".join(f"{name:>14}" for name in proxies) + f"{'ratio':>8}")
    worst = 0
    for scenario in scenarios:
        rounds = {name: [] for name in proxies}
        for round_number in range(arguments.rounds + 1):
            for name, (server, port) in proxies.items():
                # the first round warms up and is short
                seconds = arguments.seconds if round_number else 1
                before = processor_seconds(server.worker)
                done, failed = load(port, scenario, seconds, scratch, load_cores)
                used = processor_seconds(server.worker) - before
                worst = max(worst, failed)
                if failed:
                    print(f"{scenario}: {name} failed {failed} of {done} requests", file=sys.stderr)
                if round_number and done:
                    rounds[name].append(used / done * 1e6)
        medians = [statistics.median(figures) for figures in rounds.values()]
        ratio = f"{medians[0] / medians[1]:8.2f}" if len(medians) > 1 and medians[1] else ""
        print(f"{scenario:26}" + "".join(f"{m:14.1f}" for m in medians) + ratio, flush=True)
    return worst == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.environ.get("HEADWATER_BIN", TARGET / "release" / "headwater"))
    parser.add_argument("--against", default=shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin"),
                        help="another server to compare with; found by itself if it is nginx")
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(SCENARIOS), help="comma-separated, of " + ", ".join(SCENARIOS))
    arguments = parser.parse_args()
    subprocess.run([ROOT / "scripts" / "setup.sh", "bench"], check=True)
    cores = sorted(os.sched_getaffinity(0))
    proxy_cores, load_cores = {cores[0]}, set(cores[1:]) or {cores[0]}
    binaries = {"headwater": arguments.binary}
    if arguments.against:
        binaries[pathlib.Path(arguments.against).name] = arguments.against
    servers = []
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as scratch:
        scratch = pathlib.Path(scratch)
        scratch.chmod(0o755)
        (scratch / "post.lua").write_text(POST)
        (scratch / "files").mkdir()
        (scratch / "files" / "16k").write_bytes(b"x" * 16384)
        (scratch / "files" / "1m").write_bytes(b"x" * 1048576)
        try:
            origin_port = free_port()
            conf = ORIGIN.format(port=origin_port, dir=scratch / "files", small="s" * 100)
            servers.append(Server(arguments.against or arguments.binary, scratch / "origin", conf, load_cores))
            proxies = {}
            for name, binary in binaries.items():
                port = free_port()
                conf = PROXY.format(port=port, origin=origin_port)
                servers.append(Server(binary, scratch / name, conf, proxy_cores))
                proxies[name] = (servers[-1], port)
            if not measure(proxies, arguments.only.split(","), arguments, scratch, load_cores):
                sys.exit("some requests failed; the figures do not count")
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    main()
