"""What is measured. A scenario names a door of the proxies, a client, and what the figures are divided by."""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import pathlib

import clients
import figures
import servers


@dataclasses.dataclass
class Load:
    """wrk against one door, in rounds, the proxies taking turns; the figure is processor time per request."""
    title: str
    door: str
    path: str
    connections: int
    headers: tuple = ()
    post: bool = False
    # what one request counts for: the body's MiB where that is the point
    units: int = 1
    unit: str = "µs per request"
    # the floor knows no HTTP, so it has a door that closes, and a path whose reply says so
    floor_door: str = ""
    floor_path: str = ""


LOADS = {
    "small": Load("small GET, kept connections on both sides", "pooled", "/small", 64),
    "usual": Load("small GET through a location as most are written", "usual", "/small", 64),
    "fresh-upstream": Load("a fresh upstream connection for each request", "fresh", "/small", 64),
    "fresh-client": Load("a fresh client connection for each request", "pooled", "/small", 64,
                         headers=("Connection: close",), floor_door="close", floor_path="/close"),
    "16k": Load("16 KiB reply", "pooled", "/16k", 64),
    "1m": Load("1 MiB reply", "pooled", "/1m", 16),
    "1m-streamed": Load("1 MiB reply, buffering off", "streamed", "/1m", 16),
    "100m": Load("100 MiB reply", "pooled", "/100m", 2, units=100, unit="µs per MiB"),
    "post-16k": Load("POST 16 KiB", "pooled", "/post", 32, post=True),
    "memcached": Load("memcached get, 1 KiB", "memcached", "/k", 64),
}


def one_round(scenario, server, seconds, context):
    """Figures of one proxy in one round, or None if it has not got that door."""
    load = LOADS[scenario]
    door, path, headers = load.door, load.path, load.headers
    if server.name == "floor" and load.floor_door:
        door, path, headers = load.floor_door, load.floor_path, ()
    if door not in server.ports:
        return None
    processor = figures.Processor(server.pids())
    done, failed, p50, p99 = clients.wrk(server.ports[door], path, load.connections, seconds, context.load_cores,
                                         context.scratch, headers, load.post)
    ns, user = processor.used()
    if failed or not done:
        raise SystemExit(f"{scenario}: {server.name} failed {failed} of {done} requests; the figures do not count")
    cost = ns / 1000 / done / load.units
    return {"cost": cost, "user": cost * user, "system": cost * (1 - user), "rate": done / seconds, "p50_ms": p50 * 1e3,
            "p99_ms": p99 * 1e3, "memory": figures.resident(server.pids())}


def calls(scenario, server, context):
    """System calls per request, by name."""
    load = LOADS[scenario]
    if load.door not in server.ports or (server.name == "floor" and load.floor_door):
        return None
    workers = server.pids()[1:] or server.pids()

    def work():
        return clients.wrk(server.ports[load.door], load.path, load.connections, 2, context.load_cores,
                           context.scratch, load.headers, load.post)[0]
    return figures.system_calls(workers, work)


def steady(server, seconds, context, rate=3000):
    """A paced load far below what the proxy can do: what waking up costs."""
    if "pooled" not in server.ports:
        return None
    os.sched_setaffinity(0, context.load_cores)
    processor = figures.Processor(server.pids())
    delays = clients.paced(server.ports["pooled"], "/small", rate, seconds)
    ns, user = processor.used()
    cost = ns / 1000 / len(delays)
    return {"cost": cost, "user": cost * user, "system": cost * (1 - user), "rate": len(delays) / seconds,
            "p50_ms": delays[len(delays) // 2] * 1e3, "p99_ms": delays[len(delays) * 99 // 100] * 1e3,
            "memory": figures.resident(server.pids())}


def slow_readers(server, door, context, count=200, rate=100 << 10):
    """Many slow readers of 1 MiB: how long upstream connections are held, and what memory that takes."""
    if door not in server.ports:
        return None
    pids = server.pids()
    before = figures.resident(pids)
    peak, held = [before], [0.0]
    written = sum(written_bytes(pid) for pid in pids)

    def sample(at):
        peak.append(figures.resident(pids))
        if upstream_busy(context.backends.origin) > 0:
            held.append(at)
    took = clients.slow_readers(server.ports[door], "/1m", count, rate, sample)
    return {"peak_memory": max(peak), "growth": max(peak) - before, "upstream_held_s": max(held), "took_s": took,
            "temp_file_bytes": sum(written_bytes(pid) for pid in pids) - written}


def upstream_busy(origin):
    """Upstream connections with bytes under way, on either side: in the origin's send queue or not yet received."""
    port = f":{origin.ports['origin']:04X}"
    busy = 0
    for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues = row.split()[:5]
        to_send, to_read = (int(half, 16) for half in queues.split(":"))
        if state == "01" and ((local.endswith(port) and to_send) or (remote.endswith(port) and to_read)):
            busy += 1
    return busy


def written_bytes(pid):
    """What a process has written to files (not to sockets), as far as it reached the page cache."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def idle_clients(server, count, context, per_process=15_000):
    """Idle keep-alive clients: process memory for each, and how live requests fare beside them."""
    pids = server.pids()
    # the first hundred pay for what is allocated once
    warm = run_idle(server.ports["local"], 100, 200_000, per_process)
    before = figures.resident(pids)
    held = run_idle(server.ports["local"], count, 0, per_process)
    bytes_each = (figures.resident(pids) - before) / count
    rounds = [live_beside(server, pids, context) for _ in range(5)]
    still = end_idle(held)
    end_idle(warm)
    return {"bytes_each": bytes_each, "kept": still} | {
        key: figures.median([one[key] for one in rounds]) for key in rounds[0]}


def live_beside(server, pids, context):
    """A second of live requests. The median of several counts: workers take turns on one core, so a p99 is chance."""
    processor = figures.Processor(pids)
    done, failed, p50, p99 = clients.wrk(server.ports["pooled"], "/small", 16, 1, context.load_cores, context.scratch)
    return {"cost": processor.used()[0] / 1000 / done, "p50_ms": p50 * 1e3, "p99_ms": p99 * 1e3, "failed": failed}


def run_idle(port, count, first, per_process):
    held = []
    for start in range(0, count, per_process):
        here, there = multiprocessing.Pipe()
        share = min(per_process, count - start)
        process = multiprocessing.Process(target=clients.idle, args=(port, "/", share, first + start, there))
        process.start()
        held.append((process, here))
    for process, pipe in held:
        while not pipe.poll(1):
            if not process.is_alive():
                raise SystemExit("a process of idle clients failed")
        pipe.recv()
    return held


def end_idle(held):
    still = 0
    for process, pipe in held:
        pipe.send("stop")
        still += pipe.recv()
        process.join()
    return still


def spread(server, context, connections=200):
    """How evenly connections fall upon the workers: the largest share over the fair one, and requests/s."""
    workers = server.pids()[1:] or server.pids()
    before = [figures.processor_ns([pid]) for pid in workers]
    done, _, _, p99 = clients.wrk(server.ports["local"], "/", connections, 3, context.load_cores, context.scratch,
                                  ("Connection: close",))
    used = [figures.processor_ns([pid]) - old for pid, old in zip(workers, before)]
    return {"busiest_over_fair": max(used) / (sum(used) / len(used)), "rate": done / 3, "p99_ms": p99 * 1e3}


def everywhere(server, context, seconds=4):
    """Short-lived clients on every core, as interrupts of a network card would be: cost of a request."""
    cores = sorted(os.sched_getaffinity(0))
    processor = figures.Processor(server.pids())
    with concurrent.futures.ThreadPoolExecutor(len(cores)) as pool:
        loads = [pool.submit(clients.wrk, server.ports["local"], "/", 50, seconds, {core}, context.scratch,
                             ("Connection: close",)) for core in cores]
        done = sum(load.result()[0] for load in loads)
    ns, _ = processor.used()
    return {"cost": ns / 1000 / done, "rate": done / seconds}


@dataclasses.dataclass
class Context:
    """What every scenario needs to know."""
    scratch: pathlib.Path
    backends: servers.Backends
    load_cores: set
