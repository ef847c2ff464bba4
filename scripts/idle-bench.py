#!/usr/bin/env python3
"""What an idle keep-alive client costs in memory.

Starts a server with one worker, opens many connections, sends one request on each, reads the answer and
leaves the connection open. The growth of the worker's memory divided by the number of connections is the
figure. It counts the process's own memory (PSS and RSS); the kernel keeps some KiB for each socket besides.

    scripts/idle-bench.py [--connections 10000] [--binary target/release/headwater] [--proxied]
"""

import argparse
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

# below this many per address, so that the ports for outgoing connections suffice
PER_ADDRESS = 20_000

CONF = """
daemon off; pid nginx.pid; worker_processes 1; worker_rlimit_nofile {files};
error_log error.log warn;
events {{ worker_connections {connections}; }}
http {{
    access_log off; keepalive_timeout 1h; keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "an answer of some length\\n"; }}
        location /proxied {{ proxy_pass http://127.0.0.1:{port}/; }}
    }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, look, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    sys.exit(f"waited in vain for {what}")


def children(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            if int(stat.rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(entry))
    return found


def memory(pid):
    """PSS and RSS of a process in bytes."""
    fields = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith("kB"):
            fields[name] = int(rest.split()[0]) * 1024
    return fields["Pss"], fields["Rss"]


def open_one(port, number, request):
    s = socket.socket()
    s.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    s.connect(("127.0.0.1", port))
    s.sendall(request)
    return s


def answer(s):
    s.settimeout(10)
    data = b""
    while not data.endswith(b"length\n"):
        more = s.recv(4096)
        if not more:
            sys.exit(f"the server closed a connection after {data!r}")
        data += more
    assert data.startswith(b"HTTP/1.1 200 "), data


def run(arguments, prefix):
    port = free_port()
    n = arguments.connections
    files = n * 2 + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 100:
        sys.exit(f"only {hard} open files are allowed here; give fewer --connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    conf = CONF.format(port=port, files=min(files, hard), connections=n * 2 + 100)
    (prefix / "logs").mkdir()
    (prefix / "nginx.conf").write_text(conf)
    server = subprocess.Popen([arguments.binary, "-p", f"{prefix}/", "-c", "nginx.conf", "-e", "error.log"])
    try:
        wait_for("the server", lambda: server.poll() is not None or (prefix / "nginx.pid").exists())
        if server.poll() is not None:
            sys.exit((prefix / "error.log").read_text())
        worker = wait_for("a worker", lambda: children(server.pid))[0]
        path = "/proxied" if arguments.proxied else "/"
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        # the first hundred pay for what is allocated once
        clients = [open_one(port, i, request) for i in range(100)]
        for s in clients:
            answer(s)
        before = memory(worker)
        for i in range(0, n, 100):
            batch = [open_one(port, j, request) for j in range(i, min(i + 100, n))]
            for s in batch:
                answer(s)
            clients += batch
        after = memory(worker)
        poller = select.poll()
        for s in clients:
            poller.register(s, select.POLLIN)
        gone = poller.poll(0)
        if gone:
            sys.exit(f"{len(gone)} connections were closed by the server")
        for name, old, new in zip(("PSS", "RSS"), before, after):
            print(f"{name}: {(new - old) / n:8.0f} bytes per idle connection "
                  f"({old // 1024} KiB before, {new // 1024} KiB with {n} more)")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    parser.add_argument("--binary", default=os.environ.get("HEADWATER_BIN", target / "release" / "headwater"))
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--proxied", action="store_true", help="the request goes through proxy_pass first")
    with tempfile.TemporaryDirectory(prefix="headwater-idle-") as prefix:
        os.chmod(prefix, 0o755)
        run(parser.parse_args(), pathlib.Path(prefix))


if __name__ == "__main__":
    main()
