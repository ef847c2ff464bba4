#!/usr/bin/env python3
"""Asks for many small answers through a pool of connections whose origins close idle ones at random.

    scripts/closing-origins.py --binary BINARY [--requests 100000] [--nginx]

Two origins keep each connection for a random while after an answer, from no time at all to 20 ms, and then close
it, whether a request is on its way or not. A client must see none of that: a GET that meets a dying connection is
sent once more on a new one. Says how many answers were not 200 and how often a connection died under a request;
fails if there was any 502. With --nginx the same is done to nginx.
"""

import argparse
import asyncio
import collections
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CONF = """
daemon off; pid nginx.pid; worker_processes 1; worker_rlimit_nofile 8192; error_log error.log info;
events {{ worker_connections 4096; }}
http {{
    log_format tries "$status $upstream_addr";
    access_log access.log tries buffer=64k; keepalive_requests 1000000000;
    upstream pool {{ {servers} keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://pool; }}
    }}
}}
"""
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


async def serve(port):
    """An origin: answers, and closes when a connection has been idle for as long as chance says."""

    async def talk(reader, writer):
        try:
            patience = 1.0
            while True:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience)
                writer.write(REPLY)
                if random.random() < 0.02:
                    break  # at once behind the answer: the end may arrive before the next request is sent
                patience = random.random() ** 2 * 0.02
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


def origin(port):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve(port))


async def ask(port, count, statuses):
    """One client: asks one request after the other, now and then after a pause."""
    reader = writer = None
    for _ in range(count):
        if writer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            statuses[int(head.split(b" ", 2)[1])] += 1
            stays = b"connection: close" not in head.lower()
        except (asyncio.IncompleteReadError, ConnectionError):
            statuses["cut"] += 1
            stays = False
        if not stays:
            writer.close()
            writer = None
        if random.random() < 0.01:
            await asyncio.sleep(random.random() * 0.02)
    if writer is not None:
        writer.close()


async def ask_all(port, requests, clients=24):
    statuses = collections.Counter()
    share, rest = divmod(requests, clients)
    await asyncio.gather(*(ask(port, share + (n < rest), statuses) for n in range(clients)))
    return statuses


def measure(name, binary, requests, origins):
    """Runs one proxy before the origins; True if nobody got a 502."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="closing-origins-"))
    directory.chmod(0o755)
    (directory / "logs").mkdir()
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{number} max_fails=0;" for number in origins)
    (directory / "nginx.conf").write_text(CONF.format(port=port, servers=servers))
    proxy = subprocess.Popen([binary, "-p", f"{directory}/", "-c", "nginx.conf", "-e", "error.log"],
                             stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        start = time.monotonic()
        statuses = asyncio.run(ask_all(port, requests))
        took = time.monotonic() - start
        proxy.send_signal(signal.SIGQUIT)
        proxy.wait(30)
        retried = sum("," in line for line in (directory / "access.log").read_text().splitlines())
        bad = sum(count for status, count in statuses.items() if status != 200)
        print(f"{name:10} {requests} requests in {took:.0f} s: {statuses[502]} times 502, {bad} times not 200, "
              f"{retried} sent again on a new connection")
        return bad == 0
    finally:
        if proxy.poll() is None:
            proxy.kill()
            proxy.wait()
        shutil.rmtree(directory, ignore_errors=True)


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=os.environ.get("HEADWATER_BIN", "target/release/headwater"))
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--nginx", action="store_true", help="do the same to nginx, if it is installed")
    given = parser.parse_args()
    ports = [free_port(), free_port()]
    origins = [multiprocessing.Process(target=origin, args=(port,), daemon=True) for port in ports]
    for process in origins:
        process.start()
    try:
        for port in ports:
            wait_for(port)
        fine = measure("headwater", given.binary, given.requests, ports)
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if given.nginx and nginx:
            measure("nginx", nginx, given.requests, ports)
    finally:
        for process in origins:
            process.terminate()
            process.join()
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
