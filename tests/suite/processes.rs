//! Master and workers under stress: a new binary, reloads under load, several processes on one port.

use std::collections::HashSet;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use headwater::sys::limits;

use crate::kit::server::{Setup, is_headwater};
use crate::kit::{Client, Server, process, wait};

fn workers(n: usize) -> Setup {
    Server::conf(&format!(
        "worker_processes {n}; events {{ }}
         http {{ access_log off; server {{ listen 127.0.0.1:%%PORT_0%%; return 200 $pid; }} }}"
    ))
}

/// Clients that connect one after the other until they are told to stop; gives how many were served.
fn connect_until(done: &AtomicBool, addr: SocketAddr) -> usize {
    let mut served = 0;
    while !done.load(Ordering::Relaxed) {
        assert_eq!(Client::connect(addr).get("/").status, 200);
        served += 1;
    }
    served
}

#[test]
fn no_connection_is_lost_while_the_number_of_workers_changes() {
    let s = workers(3).start();
    wait::until("three workers", || (s.worker_pids().len() == 3).then_some(()));
    let (done, addr) = (AtomicBool::new(false), s.addr());
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(|| connect_until(&done, addr))).collect();
        for n in [1, 4, 2, 1] {
            s.rewrite_conf(workers(n));
            s.reload();
            wait::until("the new number of workers", || (s.worker_pids().len() == n).then_some(()));
        }
        done.store(true, Ordering::Relaxed);
        for client in clients {
            assert!(client.join().expect("every connection was served") > 0);
        }
    });
}

#[test]
fn a_new_binary_takes_the_sockets_over_and_gives_them_back() {
    if !is_headwater() {
        return; // nginx ignores USR2 when it has not left its parent
    }
    let s = workers(2).start();
    let (pid_file, old_file) = (s.dir().join("nginx.pid"), s.dir().join("nginx.pid.oldbin"));
    let read = |path: &std::path::Path| fs::read_to_string(path).ok()?.trim().parse::<u32>().ok();
    s.signal("USR2");
    let new = wait::until("the new binary", || read(&pid_file).filter(|pid| *pid != s.pid()));
    assert_eq!(read(&old_file), Some(s.pid()));
    wait::until("its workers", || (process::children(new).len() == 2).then_some(()));
    assert_eq!(s.get("/").status, 200);
    process::signal("QUIT", new);
    wait::until("the old name", || (read(&pid_file) == Some(s.pid())).then_some(()));
    assert!(!old_file.exists());
    assert_eq!(s.get("/").status, 200);
}

#[test]
fn processes_without_a_master_share_a_port() {
    let alone = |port: &str| {
        Server::conf(&format!(
            "master_process off; events {{ }}
             http {{ access_log off; server {{ listen 127.0.0.1:{port} reuseport; return 200 $pid; }} }}"
        ))
    };
    let first = alone("%%PORT_0%%").start();
    let second = alone(&first.addr().port().to_string()).start();
    let mut answered = Vec::new();
    wait::until("an answer of each", || {
        answered.push(first.get("/").text().to_owned());
        let of = |pid: u32| answered.contains(&pid.to_string());
        (of(first.pid()) && of(second.pid())).then_some(())
    });
}

#[test]
fn a_unix_socket_left_behind_by_a_killed_server_is_taken_over() {
    if !is_headwater() {
        return; // nginx wants it removed by hand
    }
    let conf = "events { } http { access_log off; server { listen 127.0.0.1:%%PORT_0%%;
                listen unix:%%DIR%%/s; return 200; } }";
    let s = Server::conf(conf).allow("unlink()").start();
    let path = s.dir().join("s");
    fs::remove_file(&path).expect("the socket's file");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket nobody will serve"));
    let other = Server::conf(&conf.replace("%%DIR%%", &s.dir().display().to_string())).start();
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
    drop(other);
}

#[test]
fn titles_tell_master_and_workers_apart() {
    let s = workers(1).start();
    wait::until("the master's title", || {
        let title = process::command_line(s.pid());
        (title.starts_with("nginx: master process ") && title.contains("-c nginx.conf")).then_some(())
    });
    let worker = s.worker_pids()[0];
    wait::until("the worker's title", || {
        (process::command_line(worker) == "nginx: worker process").then_some(())
    });
}

#[test]
fn a_resized_terminal_does_no_harm() {
    let s = workers(1).start();
    s.signal("WINCH");
    s.wait_for_log("SIGWINCH");
    assert!(TcpStream::connect(s.addr()).is_ok());
    assert_eq!(s.get("/").status, 200);
}

#[test]
fn a_connection_goes_to_the_worker_of_the_processor_that_took_it_in() {
    if !is_headwater() {
        return; // nginx does not know the parameter
    }
    let conf = |affinity: &str| {
        Server::conf(&format!(
            "worker_processes auto; {affinity} events {{ }} http {{ access_log off;
             server {{ listen 127.0.0.1:%%PORT_0%% reuseport=cpu; return 200 $pid; }} }}"
        ))
    };
    let s = conf("worker_cpu_affinity auto;").start();
    let addr = s.addr();
    // On the loopback the sender's processor is the one that takes the packet in.
    let asked_from = |processor: usize| {
        let ask = move || {
            limits::set_processors(&[processor]).expect("one of ours");
            (0..20).map(|_| Client::connect(addr).get("/").text().to_owned()).collect::<HashSet<_>>()
        };
        std::thread::scope(|scope| scope.spawn(ask).join().expect("answers"))
    };
    let answers: Vec<_> = limits::processors().into_iter().map(asked_from).collect();
    assert!(answers.iter().all(|pids| pids.len() == 1), "{answers:?}");
    assert_eq!(answers.iter().flatten().collect::<HashSet<_>>().len(), answers.len());
    assert!(conf("").refusal().contains("needs \"worker_cpu_affinity\" to give each worker one processor"));
}
