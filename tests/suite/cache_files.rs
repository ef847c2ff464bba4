//! The files of a cache and the two processes that look after them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::kit::server::{Setup, is_headwater};
use crate::kit::{Act, Client, Origin, Server, http, process, wait};

fn helpers(s: &Server, name: &str) -> Vec<u32> {
    let title = format!("nginx: {name}");
    process::children(s.pid()).into_iter().filter(|pid| process::command_line(*pid) == title).collect()
}

fn one_manager(s: &Server, but: &[u32]) -> u32 {
    wait::until("a cache manager", || match helpers(s, "cache manager process").as_slice() {
        [pid] if !but.contains(pid) => Some(*pid),
        _ => None,
    })
}

#[test]
fn a_cache_has_a_manager_that_is_started_again_when_it_dies_and_with_each_configuration() {
    let s = Server::http(
        "proxy_cache_path %%DIR%%/cache keys_zone=one:1m;
         server { listen 127.0.0.1:%%PORT_0%%; return 200; }",
    )
    .allow("exited on signal 9")
    .start();
    let first = one_manager(&s, &[]);
    wait::until("a cache loader", || (helpers(&s, "cache loader process").len() == 1).then_some(()));
    process::signal("KILL", first);
    let second = one_manager(&s, &[first]);
    s.reload();
    let third = one_manager(&s, &[first, second]);
    wait::until("one cache loader", || (helpers(&s, "cache loader process").len() == 1).then_some(()));
    assert_eq!(s.get("/").status, 200);
    assert!(process::is_alive(third) && s.dir().join("cache").is_dir());
}

#[test]
fn no_cache_no_manager() {
    let s = Server::locations("location / { return 200; }").start();
    wait::until("the workers", || (!s.worker_pids().is_empty()).then_some(()));
    assert_eq!(helpers(&s, "cache manager process"), [0; 0]);
}

#[test]
fn a_cache_that_moved_is_refused_at_a_reload_and_the_old_one_serves_on() {
    let text = |folder: &str| {
        Server::http(&format!(
            "proxy_cache_path %%DIR%%/{folder} keys_zone=one:1m;
             server {{ listen 127.0.0.1:%%PORT_0%%; return 200 {folder}; }}"
        ))
    };
    let complaint = "while previously it used the";
    let s = text("first").allow(complaint).start();
    one_manager(&s, &[]);
    s.rewrite_conf(text("second").allow(complaint));
    s.signal("HUP");
    wait::until("a complaint", || s.log().contains(complaint).then_some(()));
    assert_eq!(s.get("/").text(), "first");
}

#[test]
fn wrong_caches_are_refused_in_the_words_of_nginx() {
    for (line, complaint) in [
        ("proxy_cache_path a;", "invalid number of arguments in \"proxy_cache_path\" directive"),
        ("proxy_cache_path a inactive=1m;", "\"proxy_cache_path\" must have \"keys_zone\" parameter"),
        ("proxy_cache_path a keys_zone=a:1k;", "keys zone \"keys_zone=a:1k\" is too small"),
        ("proxy_cache_path a keys_zone=a:1m purger=on;", "invalid parameter \"purger=on\""),
        (
            "proxy_cache_path a keys_zone=a:1m; fastcgi_cache_path b keys_zone=a:1m;",
            "the shared memory zone \"a\" is already declared for a different use",
        ),
    ] {
        let said = Server::http(&format!("{line} server {{ listen 127.0.0.1:%%PORT_0%%; }}")).refusal();
        assert!(said.contains(complaint), "{line}: {said}");
    }
}

/// A cache in `%%DIR%%/cache` with more parameters, and more directives in its location.
fn cached(origin: &Origin, path: &str, location: &str) -> Setup {
    Server::conf(&format!(
        "worker_processes 2; events {{ }}
         http {{
             proxy_cache_path %%DIR%%/cache {path};
             server {{ listen 127.0.0.1:%%PORT_0%%; location / {{
                 proxy_pass http://%%ORIGIN%%;
                 proxy_cache one; proxy_cache_key $request_uri; proxy_cache_valid any 1h;
                 add_header X-Cache $upstream_cache_status;
                 {location}
             }} }}
         }}"
    ))
    .with("ORIGIN", origin.addr())
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

fn status_of(response: &http::Response) -> &str {
    response.header("X-Cache").unwrap_or("none")
}

#[test]
fn a_file_has_its_place_by_the_levels_and_shows_its_key() {
    let origin = Origin::always(http::ok("kept"));
    for (temp, path) in [("a file", "levels=1:2"), ("a file beside", "levels=1:2 use_temp_path=off")] {
        let s = cached(&origin, &format!("keys_zone=one:1m {path}"), "").start();
        assert_eq!(status_of(&s.get("/a")), "MISS");
        // The MD5 of "/a".
        let file = s.dir().join("cache/5/bf/0639767f3e9eaad729b54037a7e2abf5");
        wait::until(temp, || file.exists().then_some(()));
        let bytes = fs::read(&file).expect("readable");
        assert!(http::find(&bytes, b"\nKEY: /a\n").is_some() && bytes.ends_with(b"kept"));
        assert_eq!(status_of(&s.get("/a")), "HIT");
    }
}

#[test]
fn what_is_stored_survives_a_reload_and_a_restart() {
    let origin = Origin::always(http::ok("kept"));
    let folder = tempfile::tempdir().expect("a folder");
    let setup = |origin: &Origin| {
        Server::conf(
            "events { }
             http {
                 proxy_cache_path %%CACHE%%/cache keys_zone=one:1m levels=2;
                 server { listen 127.0.0.1:%%PORT_0%%; location / {
                     proxy_pass http://%%ORIGIN%%;
                     proxy_cache one; proxy_cache_key $request_uri; proxy_cache_valid any 1h;
                     add_header X-Cache $upstream_cache_status;
                 } }
             }",
        )
        .with("ORIGIN", origin.addr())
        .with("CACHE", folder.path().display())
    };
    open_to_all(folder.path());
    let s = setup(&origin).start();
    assert_eq!(status_of(&s.get("/a")), "MISS");
    wait::until("a file", || (!files(&folder.path().join("cache")).is_empty()).then_some(()));
    s.reload();
    assert_eq!(status_of(&s.get("/a")), "HIT");
    s.quit();
    // The loader begins a minute after the start: until then, a file is opened on the chance that it is
    // there.
    let s = setup(&origin).start();
    assert_eq!((status_of(&s.get("/a")), status_of(&s.get("/b"))), ("HIT", "MISS"));
    assert_eq!(origin.requests().len(), 2);
}

/// Workers of a server started by root run as somebody else.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[test]
fn the_manager_deletes_a_file_that_nobody_asks_for() {
    let origin = Origin::always(http::ok("kept"));
    // nginx's manager comes every ten seconds
    let path = if is_headwater() { "keys_zone=one:1m inactive=1s" } else { "keys_zone=one:1m inactive=10s" };
    let s = cached(&origin, path, "").start();
    s.get("/a");
    wait::until("a file", || files(&s.dir().join("cache")).pop());
    if is_headwater() {
        wait::until("no file", || files(&s.dir().join("cache")).is_empty().then_some(()));
        assert_eq!(status_of(&s.get("/a")), "MISS");
    }
}

#[test]
fn a_lock_goes_with_the_worker_that_held_it() {
    if !is_headwater() {
        return; // nginx waits for proxy_cache_lock_age
    }
    let origin = Origin::acts([Act::StallAfter(Vec::new()), Act::Reply(http::ok("second"))]);
    let locks = "proxy_cache_lock on; proxy_cache_lock_timeout 1h; proxy_cache_lock_age 1h;";
    let s = cached(&origin, "keys_zone=one:1m", locks).allow("exited on signal 9").start();
    let mut first = s.connect();
    first.send(http::get("/a", &[]));
    origin.wait_for_requests(1);
    for pid in s.worker_pids() {
        process::signal("KILL", pid);
    }
    first.rest();
    let second = wait::until("an answer", || ask(s.addr(), "/a"));
    assert!(second.ends_with("second"), "{second}");
}

#[test]
fn a_damaged_file_is_fetched_again_and_never_served() {
    if !is_headwater() {
        return; // nginx trusts the length of a file
    }
    let origin = Origin::always(http::ok(&"kept ".repeat(2000)));
    let s = cached(&origin, "keys_zone=one:1m", "").allow("cache file").start();
    let folder = s.dir().join("cache");
    let whole = {
        s.get("/a");
        let file = wait::until("a file", || files(&folder).pop());
        fs::read(file).expect("readable")
    };
    let cuts = [0, 1, 9, 100, 350, 360, 400, whole.len() / 2, whole.len() - 1];
    let cut = cuts.map(|len| whole[..len].to_vec());
    let flipped = [0, 8, 10, 14, 20, 60, 64, 300, 337, 341, 348, 355, 358].map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x81;
        bytes
    });
    let longer = [&whole[..], b"more"].concat();
    let noise: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in cut.into_iter().chain(flipped).chain([longer, noise, vec![0; 20_000]]) {
        let file = wait::until("a file", || files(&folder).pop());
        fs::write(&file, &bytes).expect("damaged");
        let response = s.get("/a");
        assert_eq!((response.status, response.text()), (200, "kept ".repeat(2000)));
        assert_eq!(status_of(&response), "MISS", "{} bytes", bytes.len());
        wait::until("a whole file", || (fs::read(&file).ok()?.len() == whole.len()).then_some(()));
    }
    assert_eq!(status_of(&s.get("/a")), "HIT");
}

/// The answer to a request, None if the connection broke, as it does when a worker is killed.
fn ask(addr: SocketAddr, uri: &str) -> Option<String> {
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.set_read_timeout(Some(crate::kit::DEADLINE)).ok()?;
    write!(stream, "GET {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) if answer.is_empty() => None,
        Ok(_) => Some(answer),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer to {uri}"),
        Err(_) => None,
    }
}

#[test]
fn killed_workers_leave_a_cache_that_works() {
    let origin = Origin::each(|talk| {
        while let Some(seen) = talk.request() {
            let uri = seen.line().split(' ').nth(1).unwrap_or_default().to_owned();
            talk.send(http::ok(&format!("body of {uri}")));
        }
    });
    // A zone of 96 keys for 200 replies: records come and go all the time.
    let s = cached(&origin, "keys_zone=one:16k levels=1", "proxy_cache_lock on;")
        .allow("exited on signal 9")
        .allow("ignore long locked inactive cache entry") // what killed workers leave in nginx's zone
        .start();
    let (done, asked, addr) = (AtomicBool::new(false), AtomicUsize::new(0), s.addr());
    std::thread::scope(|scope| {
        for client in 0..4usize {
            let (done, asked) = (&done, &asked);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let n = asked.fetch_add(1, Ordering::Relaxed);
                    let uri = format!("/{}", (n * (client + 7)) % 200);
                    if let Some(answer) = ask(addr, &uri) {
                        assert!(answer.ends_with(&format!("body of {uri}")), "{uri}: {answer}");
                    }
                }
            });
        }
        for round in 1..=6 {
            wait::until("requests", || (asked.load(Ordering::Relaxed) > round * 100).then_some(()));
            let killed = s.worker_pids().into_iter().min().expect("a worker");
            process::signal("KILL", killed);
            wait::until("another worker", || {
                let pids = s.worker_pids();
                (pids.len() == 2 && !pids.contains(&killed)).then_some(())
            });
        }
        done.store(true, Ordering::Relaxed);
    });
    for n in 0..200 {
        let uri = format!("/{n}");
        let response = Client::connect(addr).get(&uri);
        assert_eq!((response.status, response.text()), (200, format!("body of {uri}")));
    }
    wait::until("a hit", || (status_of(&s.get("/199")) == "HIT").then_some(()));
}
