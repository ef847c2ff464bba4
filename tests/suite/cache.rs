//! Replies that are kept: when they are served, when not, and what never happens to them.
//!
//! A reply that is too old the moment it comes (`X-Accel-Expires: @1`) takes the place of waiting.

use crate::kit::server::{Setup, is_headwater};
use crate::kit::{Act, Client, Origin, Response, Server, http, wait};
use std::fs;
use std::path::{Path, PathBuf};

/// One location that keeps what it gets.
fn keeping(origin: &Origin, more: &str) -> Setup {
    let text = format!(
        "proxy_cache_path cache levels=1:2 keys_zone=pages:1m;
         server {{ listen 127.0.0.1:%%PORT_0%%; add_header X-Cache $upstream_cache_status always;
                   location / {{ proxy_pass http://%%ORIGIN%%; proxy_cache pages; {more} }} }}"
    );
    Server::http(&text).with("ORIGIN", origin.addr())
}

/// A reply that is fresh for a long time.
fn fresh(body: &str, more: &[&str]) -> Act {
    Act::Reply(http::reply("200 OK", &[&["Cache-Control: max-age=600"], more].concat(), body.as_bytes()))
}

/// A reply that is kept and too old at once.
fn old(body: &str, more: &[&str]) -> Act {
    Act::Reply(http::reply("200 OK", &[&["X-Accel-Expires: @1"], more].concat(), body.as_bytes()))
}

/// What the cache says of a response, and its body.
fn what(response: &Response) -> (String, String) {
    (response.header("X-Cache").unwrap_or("-").to_owned(), response.text())
}

fn is(response: &Response, status: &str, body: &str) {
    assert_eq!(what(response), (status.to_owned(), body.to_owned()));
}

/// The files of the cache.
fn files(s: &Server) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut found = Vec::new();
    walk(&s.dir().join("cache"), &mut found);
    found
}

fn wait_for_file(s: &Server) {
    wait::until("a file in the cache", || (files(s).len() == 1).then_some(()));
}

#[test]
fn what_was_fetched_once_is_served_from_the_cache_with_its_fields() {
    let origin =
        Origin::acts([fresh("one", &["ETag: \"e\"", "X-Own: 1", "Content-Type: a/b"]), fresh("two", &[])]);
    let s = keeping(&origin, "").start();
    is(&s.get("/a"), "MISS", "one");
    let hit = s.get("/a");
    is(&hit, "HIT", "one");
    for (name, value) in [("ETag", "\"e\""), ("X-Own", "1"), ("Content-Type", "a/b"), ("Content-Length", "3")]
    {
        assert_eq!(hit.header(name), Some(value));
    }
    is(&s.get("/b"), "MISS", "two");
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_reply_without_a_time_is_kept_as_the_configuration_says() {
    let origin = Origin::acts([
        Act::Reply(http::ok("one")),
        Act::Reply(http::reply("404 Not Found", &[], b"none")),
        Act::Reply(http::ok("three")),
    ]);
    let s = keeping(&origin, "proxy_cache_valid 200 1h; proxy_cache_valid 404 0;").start();
    is(&s.get("/"), "MISS", "one");
    is(&s.get("/"), "HIT", "one");
    is(&s.get("/x"), "MISS", "none");
    is(&s.get("/x"), "MISS", "three");
}

#[test]
fn chunked_and_large_replies_come_back_as_they_were() {
    let large = "0123456789".repeat(30_000);
    let chunks = b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=9\r\n\r\n";
    let chunks = [head.as_bytes(), chunks].concat();
    let origin = Origin::acts([Act::Reply(chunks), fresh(&large, &[])]);
    let s = keeping(&origin, "").start();
    is(&s.get("/c"), "MISS", "onetwo");
    is(&s.get("/c"), "HIT", "onetwo");
    is(&s.get("/l"), "MISS", &large);
    is(&s.get("/l"), "HIT", &large);
}

#[test]
fn an_old_reply_is_fetched_again() {
    let origin = Origin::acts([old("one", &[]), fresh("two", &[])]);
    let s = keeping(&origin, "").start();
    is(&s.get("/"), "MISS", "one");
    is(&s.get("/"), "EXPIRED", "two");
    is(&s.get("/"), "HIT", "two");
}

#[test]
fn an_old_reply_serves_when_no_peer_gives_a_better_one() {
    let failures = [Act::CloseAfter(Vec::new()), Act::Reply(http::reply("500 Broken", &[], b"broken"))];
    for failure in failures {
        let origin = Origin::acts([old("one", &[]), failure.clone()]);
        let s = keeping(&origin, "proxy_cache_use_stale error http_500;").start();
        is(&s.get("/"), "MISS", "one");
        is(&s.get("/"), "STALE", "one");
        // nginx before 1.23 does not read Cache-Control beside X-Accel-Expires.
        if !is_headwater() {
            continue;
        }
        let origin = Origin::acts([old("one", &["Cache-Control: stale-if-error=4000000000"]), failure]);
        let s = keeping(&origin, "").start();
        is(&s.get("/"), "MISS", "one");
        is(&s.get("/"), "STALE", "one");
    }
    let origin = Origin::acts([old("one", &[]), Act::Reply(http::reply("500 Broken", &[], b"broken"))]);
    let s = keeping(&origin, "").start();
    is(&s.get("/"), "MISS", "one");
    is(&s.get("/"), "EXPIRED", "broken");
}

/// Keeps an old reply, then answers half of the next one, and the rest when told to.
fn slow_second() -> (Origin, std::sync::mpsc::Sender<()>) {
    let (go, gate) = std::sync::mpsc::channel();
    let gate = std::sync::Mutex::new(gate);
    let origin = Origin::each(move |talk| {
        while let Some(seen) = talk.request() {
            if seen.connection == 0 && talk.act(&old("one", &[])) {
                return;
            }
            talk.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nCache-Control: max-age=600\r\n\r\nt");
            if gate.lock().is_ok_and(|gate| gate.recv().is_ok()) {
                talk.send("wo");
            }
        }
    });
    (origin, go)
}

#[test]
fn a_client_gets_the_old_reply_at_once_while_a_new_one_is_fetched_behind_it() {
    let (origin, go) = slow_second();
    let more = "proxy_cache_use_stale updating; proxy_cache_background_update on;";
    let s = keeping(&origin, more).start();
    is(&s.get("/"), "MISS", "one");
    is(&s.get("/"), "STALE", "one");
    is(&s.get("/"), "UPDATING", "one");
    go.send(()).unwrap();
    let new =
        wait::until("the new reply", || Some(s.get("/")).filter(|r| r.header("X-Cache") == Some("HIT")));
    is(&new, "HIT", "two");
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn others_get_the_old_reply_while_one_client_fetches_the_new_one() {
    let (origin, go) = slow_second();
    let s = keeping(&origin, "proxy_cache_use_stale updating;").start();
    is(&s.get("/"), "MISS", "one");
    let mut first = s.connect();
    first.send(http::get("/", &[]));
    origin.wait_for_requests(2);
    is(&s.get("/"), "UPDATING", "one");
    go.send(()).unwrap();
    is(&first.response(), "EXPIRED", "two");
    is(&s.get("/"), "HIT", "two");
}

#[test]
fn a_peer_that_says_not_modified_makes_the_old_reply_fresh_again() {
    let fields = ["ETag: \"e\"", "Last-Modified: Mon, 28 Sep 1970 06:00:00 GMT"];
    let not_modified = "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\n\r\n";
    let origin = Origin::acts([old("one", &fields), Act::Reply(not_modified.into()), fresh("two", &[])]);
    let s = keeping(&origin, "proxy_cache_revalidate on;").start();
    is(&s.get("/"), "MISS", "one");
    is(&s.get("/"), "REVALIDATED", "one");
    is(&s.get("/"), "HIT", "one");
    let asked = &origin.requests()[1];
    assert_eq!(asked.header("If-None-Match"), Some("\"e\""));
    assert_eq!(asked.header("If-Modified-Since"), Some("Mon, 28 Sep 1970 06:00:00 GMT"));
}

fn gated() -> (Origin, std::sync::mpsc::Sender<()>) {
    Origin::gated(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=600\r\n\r\nhe", "llo"])
}

fn clients(s: &Server, n: usize) -> Vec<Client> {
    let mut all: Vec<Client> = (0..n).map(|_| s.connect()).collect();
    for c in &mut all {
        c.send(http::get("/", &[])).wait_until_read();
    }
    all
}

#[test]
fn of_twenty_clients_that_want_the_same_one_fetches_it() {
    let (origin, go) = gated();
    let s = keeping(&origin, "proxy_cache_lock on;").start();
    let mut all = clients(&s, 20);
    origin.wait_for_requests(1);
    go.send(()).unwrap();
    let said: Vec<_> = all.iter_mut().map(|c| what(&c.response())).collect();
    assert!(said.iter().all(|(_, body)| body == "hello"), "{said:?}");
    assert_eq!(said.iter().filter(|(status, _)| status == "MISS").count(), 1, "{said:?}");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn when_who_fetches_it_fails_the_next_one_does() {
    let replies = Origin::each(|talk| {
        while let Some(seen) = talk.request() {
            if seen.connection < 2 {
                return;
            }
            talk.act(&fresh("hello", &[]));
        }
    });
    let s = keeping(&replies, "proxy_cache_lock on; proxy_next_upstream off;").start();
    let said: Vec<_> = clients(&s, 8).iter_mut().map(|c| c.response().status).collect();
    assert_eq!(said.iter().filter(|status| **status == 502).count(), 2, "{said:?}");
    assert_eq!(replies.requests().len(), 3);
}

#[test]
fn who_has_waited_long_enough_asks_for_itself_and_keeps_nothing() {
    let (origin, go) = gated();
    let s = keeping(&origin, "proxy_cache_lock on; proxy_cache_lock_timeout 50ms;").start();
    let mut all = clients(&s, 2);
    origin.wait_for_requests(2);
    assert!(files(&s).is_empty());
    (0..2).for_each(|_| go.send(()).unwrap());
    all.iter_mut().for_each(|c| is(&c.response(), "MISS", "hello"));
    is(&s.get("/"), "HIT", "hello");
}

/// DIFF: nginx does not look at its clients while they wait for a lock.
#[test]
fn a_client_that_goes_away_while_it_waits_is_forgotten() {
    if !is_headwater() {
        return;
    }
    let (origin, go) = gated();
    let s = keeping(&origin, "proxy_cache_lock on;").start();
    let mut all = clients(&s, 3);
    origin.wait_for_requests(1);
    all.pop().unwrap().reset();
    s.wait_for_log("client prematurely closed connection");
    go.send(()).unwrap();
    all.iter_mut().for_each(|c| assert_eq!(c.response().text(), "hello"));
}

#[test]
fn replies_that_vary_are_kept_for_each_variant() {
    let origin = Origin::each(|talk| {
        while let Some(seen) = talk.request() {
            let language = seen.header("X-Language").unwrap_or("none").to_owned();
            talk.act(&fresh(&language, &["Vary: X-Language"]));
        }
    });
    let s = keeping(&origin, "").start();
    let ask = |language: &str| s.connect().ask(http::get("/", &[&format!("X-Language: {language}")]));
    for language in ["de", "fr", "en"] {
        is(&ask(language), "MISS", language);
    }
    for language in ["fr", "de", "en"] {
        is(&ask(language), "HIT", language);
    }
    assert_eq!(files(&s).len(), 3);
}

#[test]
fn parts_heads_and_conditions_are_answered_from_the_cache() {
    let origin = Origin::always(http::reply(
        "200 OK",
        &["Cache-Control: max-age=600", "Accept-Ranges: bytes", "ETag: \"e\""],
        b"0123456789",
    ));
    let s = keeping(&origin, "").start();
    let ask = |field: &str| s.connect().ask(http::get("/", &[field]));
    is(&ask("Range: bytes=2-4"), "MISS", "234");
    assert_eq!(origin.only_request().header("Range"), None, "the whole is asked for");
    is(&ask("Range: bytes=7-"), "HIT", "789");
    let many = ask("Range: bytes=0-1,8-9");
    assert!(many.status == 206 && many.text().contains("01") && many.text().contains("89"), "{many:?}");
    assert_eq!(ask("Range: bytes=10-").status, 416);
    assert_eq!(ask("If-None-Match: \"e\"").status, 304);
    let mut c = s.connect();
    let head = c.send(http::request("HEAD", "/", &[], b"")).response_to("HEAD");
    assert_eq!((head.header("X-Cache"), head.header("Content-Length")), (Some("HIT"), Some("10")));
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_head_is_asked_as_get_and_kept_for_both() {
    let origin = Origin::acts([fresh("one", &[])]);
    let s = keeping(&origin, "").start();
    let mut c = s.connect();
    let head = c.send(http::request("HEAD", "/", &[], b"")).response_to("HEAD");
    assert_eq!(head.header("X-Cache"), Some("MISS"));
    assert!(origin.only_request().line().starts_with("GET"));
    is(&c.get("/"), "HIT", "one");
}

#[test]
fn a_reply_that_was_cut_is_never_kept() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nCache-Control: max-age=600\r\n\r\nhalf";
    let chunk =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=600\r\n\r\n4\r\nhalf\r\n";
    for text in [half, chunk] {
        for cut in [Act::CloseAfter(text.into()), Act::ResetAfter(text.into())] {
            let origin = Origin::acts([cut, fresh("whole", &[])]);
            let s = keeping(&origin, "").start();
            let mut c = s.connect();
            c.send(http::get("/", &[])).head();
            c.rest();
            is(&s.get("/"), "MISS", "whole");
            is(&s.get("/"), "HIT", "whole");
            assert_eq!(files(&s).len(), 1);
        }
    }
}

#[test]
fn a_client_that_goes_away_does_not_stop_a_reply_from_being_kept() {
    let (origin, go) = gated();
    let s = keeping(&origin, "").start();
    let mut c = s.connect();
    c.send(http::get("/", &[]));
    // nginx sends nothing yet.
    if is_headwater() {
        c.head();
    } else {
        origin.wait_for_requests(1);
    }
    c.half_close();
    go.send(()).unwrap();
    wait_for_file(&s);
    is(&s.get("/"), "HIT", "hello");
}

#[test]
fn nor_does_one_that_goes_away_before_the_first_byte() {
    // DIFF: nginx gives such a reply up.
    if !is_headwater() {
        return;
    }
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let origin = Origin::each(move |talk| {
        while talk.request().is_some() {
            if gate.lock().is_ok_and(|gate| gate.recv().is_ok()) {
                talk.act(&fresh("hello", &[]));
            }
        }
    });
    let s = keeping(&origin, "").start();
    let mut c = s.connect();
    c.send(http::get("/", &[]));
    origin.wait_for_requests(1);
    c.reset();
    go.send(()).unwrap();
    wait_for_file(&s);
    is(&s.get("/"), "HIT", "hello");
}

#[test]
fn a_client_that_is_slow_does_not_keep_others_from_a_whole_reply() {
    let large = "x".repeat(4 << 20);
    let origin = Origin::acts([fresh(&large, &[])]);
    let s = keeping(&origin, "").start();
    let mut slow = s.connect();
    slow.send(http::get("/", &[])).head();
    wait_for_file(&s);
    is(&s.get("/"), "HIT", &large);
    assert_eq!(slow.bytes(large.len()).len(), large.len());
}

#[test]
fn a_client_that_takes_nothing_is_given_up_and_the_reply_kept() {
    let large = "x".repeat(8 << 20);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nCache-Control: max-age=600\r\n\r\n",
        large.len() + 3
    );
    let (origin, go) = Origin::gated(&[&format!("{head}{large}"), "end"]);
    let s = keeping(&origin, "send_timeout 100ms;").start();
    let mut idle = s.connect();
    idle.send(http::get("/", &[]));
    s.wait_for_log("client timed out");
    go.send(()).unwrap();
    wait_for_file(&s);
    is(&s.get("/"), "HIT", &format!("{large}end"));
    assert!(idle.rest().len() < large.len());
}

#[test]
fn a_page_that_includes_the_same_twice_does_not_wait_for_itself() {
    let body = "y".repeat(1 << 20);
    let origin = Origin::acts([fresh(&body, &[]), fresh(&body, &[])]);
    let text = "proxy_cache_path cache keys_zone=pages:1m;
         server { listen 127.0.0.1:%%PORT_0%%;
                  location /page { ssi on; default_type text/html; root html; }
                  location / { proxy_pass http://%%ORIGIN%%; proxy_cache pages; proxy_cache_lock on; } }";
    let page =
        "<!--# include virtual=\"/a\" -->|<!--# include virtual=\"/b\" -->|<!--# include virtual=\"/a\" -->";
    let s = Server::http(text).with("ORIGIN", origin.addr()).file("html/page", page).start();
    assert_eq!(s.get("/page").text(), [&body[..], &body, &body].join("|"));
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn what_must_not_be_kept_is_not() {
    for field in ["Set-Cookie: a=b", "Cache-Control: private", "Cache-Control: no-store", "Vary: *"] {
        let origin = Origin::always(http::reply("200 OK", &[field], b"one"));
        let s = keeping(&origin, "proxy_cache_valid any 1h;").start();
        is(&s.get("/"), "MISS", "one");
        is(&s.get("/"), "MISS", "one");
        assert!(files(&s).is_empty(), "{field}");
        let ignoring = "proxy_ignore_headers Set-Cookie Cache-Control Vary; proxy_cache_valid any 1h;";
        let s = keeping(&origin, ignoring).start();
        is(&s.get("/"), "MISS", "one");
        is(&s.get("/"), "HIT", "one");
    }
}

#[test]
fn conditions_pass_by_the_cache_or_keep_replies_out_of_it() {
    let origin = Origin::acts(["one", "two", "three", "four"].map(|body| fresh(body, &[])));
    let more = "proxy_cache_key $uri; proxy_cache_bypass $arg_new; proxy_no_cache $arg_secret;";
    let s = keeping(&origin, more).start();
    is(&s.get("/?secret=1"), "MISS", "one");
    is(&s.get("/"), "MISS", "two");
    is(&s.get("/?new=1"), "BYPASS", "three");
    is(&s.get("/?new=0"), "HIT", "three");
    is(&s.connect().ask(http::request("POST", "/", &[], b"x")), "-", "four");
}

#[test]
fn a_page_of_ours_is_remembered_in_place_of_a_reply() {
    let origin = Origin::acts([Act::CloseAfter(Vec::new()), fresh("one", &[])]);
    let s = keeping(&origin, "proxy_cache_valid 502 1h;").start();
    assert_eq!(s.get("/").status, 502);
    let again = s.get("/");
    assert_eq!((again.status, again.header("X-Cache")), (502, Some("HIT")));
    assert_eq!(origin.connections(), 1);
}

#[test]
fn only_what_is_asked_for_often_enough_is_kept() {
    let origin = Origin::acts(["one", "two", "three"].map(|body| fresh(body, &[])));
    let s = keeping(&origin, "proxy_cache_min_uses 2;").start();
    is(&s.get("/"), "MISS", "one");
    is(&s.get("/"), "MISS", "two");
    is(&s.get("/"), "HIT", "two");
}

#[test]
fn a_damaged_file_is_fetched_again() {
    let origin = Origin::acts([fresh("one", &[]), fresh("two", &[])]);
    let s = keeping(&origin, "").allow("cache file").start();
    is(&s.get("/"), "MISS", "one");
    wait_for_file(&s);
    fs::write(&files(&s)[0], "not a file of the cache").unwrap();
    is(&s.get("/"), "MISS", "two");
    is(&s.get("/"), "HIT", "two");
    fs::remove_file(&files(&s)[0]).unwrap();
    is(&s.get("/"), "MISS", "two");
}

#[test]
fn what_is_kept_outlives_a_reload() {
    let origin = Origin::acts([fresh("one", &[]), fresh("two", &[])]);
    let s = keeping(&origin, "").start();
    is(&s.get("/"), "MISS", "one");
    s.reload();
    is(&s.get("/"), "HIT", "one");
}

#[test]
fn slices_are_kept_one_by_one() {
    let origin = Origin::each(|talk| {
        while let Some(seen) = talk.request() {
            let part =
                if seen.header("Range") == Some("bytes=0-3") { ("0-3/8", "abcd") } else { ("4-7/8", "efgh") };
            let range = format!("Content-Range: bytes {}", part.0);
            let fields = [range.as_str(), "Cache-Control: max-age=600", "ETag: \"e\""];
            talk.send(http::reply("206 Partial Content", &fields, part.1.as_bytes()));
        }
    });
    let more = "slice 4; proxy_cache_key $uri$slice_range; proxy_set_header Range $slice_range;";
    let s = keeping(&origin, more).start();
    is(&s.get("/"), "MISS", "abcdefgh");
    is(&s.get("/"), "HIT", "abcdefgh");
    let part = s.connect().ask(http::get("/", &["Range: bytes=5-6"]));
    is(&part, "HIT", "fg");
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_zone_is_found_by_what_variables_say() {
    let origin = Origin::acts([fresh("one", &[]), fresh("two", &[])]);
    let text = "proxy_cache_path cache keys_zone=pages:1m;
         server { listen 127.0.0.1:%%PORT_0%%; add_header X-Cache $upstream_cache_status always;
                  location / { proxy_pass http://%%ORIGIN%%; proxy_cache $arg_zone;
                               proxy_cache_key $uri; } }";
    let s = Server::http(text).with("ORIGIN", origin.addr()).start();
    is(&s.get("/?zone=pages"), "MISS", "one");
    is(&s.get("/?zone=pages"), "HIT", "one");
    is(&s.get("/"), "-", "two");
    assert_eq!(s.get("/?zone=other").status, 500);
    s.wait_for_log("cache \"other\" not found");
}

#[test]
fn variables_tell_the_key_and_the_age() {
    let origin = Origin::acts([fresh("one", &[])]);
    // nginx has them since 1.31.
    if !is_headwater() {
        return;
    }
    let fields = "add_header X-Key $upstream_cache_key; add_header X-Age \"age $upstream_cache_age.\";";
    let s = keeping(&origin, &format!("{fields} proxy_cache_key k$uri;")).start();
    let miss = s.get("/a");
    assert_eq!((miss.header("X-Key"), miss.header("X-Age")), (Some("k/a"), Some("age .")));
    let hit = s.get("/a");
    let age = hit.header("X-Age").and_then(|age| age.strip_prefix("age ")?.strip_suffix('.')?.parse().ok());
    assert!(age.is_some_and(|age: u64| age < 60), "{hit:?}");
}

#[test]
fn wrong_lines_are_refused_with_a_reason() {
    for (line, reason) in [
        ("proxy_cache nowhere;", "\"proxy_cache\" zone \"nowhere\" is unknown"),
        ("proxy_store on; proxy_cache pages;", "is incompatible with \"proxy_store\""),
        ("proxy_cache pages; proxy_store on;", "is incompatible with \"proxy_cache\""),
        ("proxy_cache_valid 99 1m;", "invalid status \"99\""),
        ("proxy_cache_valid 200 soon;", "invalid time value \"soon\""),
        ("proxy_cache_methods PUT;", "invalid value \"PUT\""),
        ("proxy_temp_path cache;", "/cache\" used in "),
        ("client_body_temp_path other 1; proxy_temp_path other 2;", "has the different levels than in "),
        ("client_body_temp_path other 2; proxy_temp_path other 2; no;", "unknown directive \"no\""),
    ] {
        let text = format!("proxy_cache_path cache keys_zone=pages:1m; server {{ location / {{ {line} }} }}");
        let said = Server::http(&text).refusal();
        assert!(said.contains(reason), "{line}: {said}");
    }
}
