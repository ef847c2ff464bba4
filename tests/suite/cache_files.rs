//! The files of a cache and the two processes that look after them.

use crate::kit::{Server, process, wait};

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
        ("proxy_cache_path a keys_zone=a:1k;", "invalid keys zone size \"keys_zone=a:1k\""),
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
