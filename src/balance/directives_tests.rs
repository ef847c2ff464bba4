//! Blocks read from text: what they become, and what is refused in whose words.

use super::super::groups::Groups;
use super::super::{Client, Group, Pick, Reason};
use super::*;
use crate::buf::Slice;
use crate::conf::directive::HTTP;
use crate::conf::load::{From, load};
use crate::conf::merge::Scope;
use crate::conf::registry::Registry;
use crate::conf::zone::Zones;
use crate::util::address::Address;
use std::path::Path;

settings! {
    /// The blocks that were read.
    pub struct Read: Process {
        plain { pub blocks: Vec<(String, Sets, Place)> = Vec::new() }
    }
}

static BLOCK: Module = Module {
    name: "block",
    directives: &[Directive::of("upstream", crate::conf::directive::MAIN | HTTP, Args::Exactly(1))
        .block()
        .doc("")
        .set(|cx, line| {
            let sets = cx.block(line, UPSTREAM, &[Scope::Upstream])?;
            let name = line.arg(0)?.as_str()?.to_owned();
            cx.conf::<Read>().blocks.push((name, sets, line.end.clone()));
            Ok(())
        })],
};

fn read(text: &str) -> (Result<Groups, String>, Vec<String>) {
    let registry = Registry::new(&[&BLOCK, &MODULE]);
    assert_eq!(registry.conflicts(), [""; 0]);
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, text).expect("a file");
    let mut warnings = Vec::new();
    let loaded = load(&registry, From { file: &file, prefix: Path::new("/"), globals: b"" }, &mut warnings);
    let groups = loaded.and_then(|mut loaded| {
        loaded.sets.get::<Zones>().map()?;
        Groups::of(std::mem::take(&mut loaded.sets.get_mut::<Read>().blocks))
    });
    let here = format!("{}/", dir.path().display());
    let strip = |text: String| text.replace(&here, "");
    (groups.map_err(|e| strip(e.to_string())), warnings.into_iter().map(|w| strip(w.text)).collect())
}

fn groups(text: &str) -> Groups {
    read(text).0.expect("a good configuration")
}

fn error(inside: &str) -> String {
    read(&format!("upstream u {{\n{inside}\n}}")).0.err().unwrap_or_default()
}

/// A client with a cookie `s`; every template that is not constant has the value `value`.
struct Visitor {
    cookie: Option<Vec<u8>>,
    value: String,
}

impl Client for Visitor {
    fn eval(&mut self, text: &Template) -> Slice {
        text.as_constant().cloned().unwrap_or_else(|| Slice::from(self.value.clone()))
    }
    fn address(&self) -> Address {
        Address::NONE
    }
    fn cookie(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.cookie.clone().filter(|_| name == b"s")
    }
}

fn visitor(cookie: Option<&[u8]>, value: &str) -> Visitor {
    Visitor { cookie: cookie.map(<[u8]>::to_vec), value: value.to_owned() }
}

const DAY: u64 = 86_400_000;

fn port(group: &Group, client: &mut Visitor, now_ms: u64) -> u16 {
    match group.choose(&mut group.start(), client, false, now_ms) {
        Pick::Peer(held) => held.peer().address.port(),
        _ => 0,
    }
}

#[test]
fn a_server_line_keeps_what_it_says() {
    let all = groups(
        "upstream u { server 127.0.0.1:81 weight=3 max_conns=7 max_fails=2 fail_timeout=1m slow_start=5s; \
         server unix:/tmp/s backup; server [::1] down; server name.test:8080 resolve; server b.test resolve \
         service=http; server 127.0.0.1:82 drain route=r; }",
    );
    let u = all.find("U").expect("the group, in any case of letters");
    let lines = u.servers();
    let a = &lines[0];
    assert_eq!((a.weight, a.max_conns, a.max_fails, a.fail_timeout_s, a.slow_start_ms), (3, 7, 2, 60, 5000));
    assert_eq!(lines[1].addresses[0].to_string(), "unix:/tmp/s");
    assert_eq!(lines[2].addresses[0].to_string(), "[::1]:80");
    assert_eq!((&*lines[3].host, lines[3].port, lines[3].resolve), ("name.test", 8080, true));
    assert_eq!(lines[4].service.as_deref(), Some("http"));
    assert_eq!(u.roster().unresolved.len(), 2);
    assert_eq!(u.roster().backup.peers.len(), 1);
    assert_eq!((u.method(), u.keepalive().connections), ("round_robin", 32));
    let Pick::Peer(held) = u.choose(&mut u.start(), &mut visitor(None, ""), false, DAY) else {
        panic!("a peer")
    };
    assert_eq!(&*held.peer().name, "127.0.0.1:81");
}

#[test]
fn mistakes_are_told_in_nginx_s_words() {
    for (inside, expected) in [
        ("", "no servers are inside upstream in nginx.conf:3"),
        ("server 127.0.0.1 backup;", "no servers in upstream \"u\" in nginx.conf:3"),
        ("server 127.0.0.1 weight=0;", "invalid parameter \"weight=0\" in nginx.conf:2"),
        ("server 127.0.0.1 wait=1;", "invalid parameter \"wait=1\" in nginx.conf:2"),
        ("server 127.0.0.1:x;", "invalid port in upstream \"127.0.0.1:x\" in nginx.conf:2"),
        ("server 127.0.0.1:0;", "invalid port in upstream \"127.0.0.1:0\" in nginx.conf:2"),
        ("server unix:;", "no path in the unix domain socket in upstream \"unix:\" in nginx.conf:2"),
        ("server nobody.invalid;", "host not found in upstream \"nobody.invalid\" in nginx.conf:2"),
        (
            "ip_hash; server 127.0.0.1 backup;",
            "balancing method does not support parameter \"backup\" in nginx.conf:2",
        ),
        (
            "hash $a consistnt;",
            "invalid parameter \"consistnt\" (did you mean \"consistent\"?) in nginx.conf:2",
        ),
        ("random three;", "invalid parameter \"three\" in nginx.conf:2"),
        ("least_time x;", "invalid parameter \"x\" in nginx.conf:2"),
        ("keepalive x;", "invalid value \"x\" in \"keepalive\" directive in nginx.conf:2"),
        ("keepalive 1; keepalive 2;", "\"keepalive\" directive is duplicate in nginx.conf:2"),
        ("zone z 1k;", "zone \"z\" is too small in nginx.conf:2"),
        ("zone z x;", "invalid zone size \"x\" in nginx.conf:2"),
        ("queue 0;", "\"queue\" directive invalid number in nginx.conf:2"),
        ("sticky route plain;", "invalid variable name \"plain\" in nginx.conf:2"),
        ("sticky learn create=$a lookup=$b;", "\"sticky learn\" requires \"zone\" parameter in nginx.conf:2"),
    ] {
        assert!(error(inside).starts_with(expected), "{inside}: {}", error(inside));
    }
    let twice = "upstream u { server 127.0.0.1; }\nupstream U { server 127.0.0.1; }";
    assert_eq!(read(twice).0.err().as_deref(), Some("duplicate upstream \"U\" in nginx.conf:2"));
    let redefined = read("upstream u { ip_hash; least_conn; server 127.0.0.1; }");
    assert_eq!(redefined.1, ["load balancing method redefined in nginx.conf:1"]);
}

#[test]
fn a_pass_finds_its_block_or_gets_a_group_of_its_own() {
    let mut all = groups("upstream u { server 127.0.0.1:81; keepalive 5 local; keepalive_timeout 5s; }");
    let place = Place::command_line();
    let u = all.locate("u", 80, &place).expect("the block");
    assert!(!u.is_implicit() && u.keepalive().local);
    assert_eq!((u.keepalive().connections, u.keepalive().timeout_ms), (5, 5000));
    let refused = all.locate("u:8080", 80, &place).err().map(|e| e.to_string());
    assert_eq!(refused.as_deref(), Some("upstream \"u\" may not have port 8080 in command line"));
    let one = all.locate("127.0.0.1", 443, &place).expect("a group");
    assert!(one.is_implicit() && Rc::ptr_eq(&one, &all.locate("127.0.0.1", 443, &place).expect("the same")));
    assert_eq!(one.roster().primary.peers[0].address.port(), 443);
    assert_ne!(one.number(), u.number());
    assert_eq!(one.keepalive().connections, 32);
    assert_eq!(all.all().count(), 2);
}

#[test]
fn a_cookie_leads_back_to_its_server_and_leaves_the_others_in_turn() {
    let all = groups(
        "upstream u { server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3 drain;
         server 127.0.0.1:4 down;
         sticky cookie s \"expires=1h 3m\" domain=$d path=/ secure httponly samesite=$x; }
         upstream max { server 127.0.0.1:1; sticky cookie s expires=max; }",
    );
    let u = all.find("u").expect("the group");
    let sid = |n: usize| u.roster().primary.peers[n].sid().to_vec();
    assert_eq!(sid(0).len(), 32);
    for at in [0, 1, 2] {
        assert_eq!(usize::from(port(u, &mut visitor(Some(&sid(at)), ""), DAY)), at + 1);
    }
    let turn: Vec<u16> = (0..4).map(|_| port(u, &mut visitor(None, ""), DAY)).collect();
    assert_eq!(turn, [1, 2, 1, 2], "a draining server gets only its own");
    assert_eq!(port(u, &mut visitor(Some(&sid(3)), ""), DAY), 1, "one that is down gets nothing");
    assert_eq!(port(u, &mut visitor(Some(b"garbage"), ""), DAY), 2);
    let peer = u.roster().primary.peers[0].clone();
    let field = |value| u.set_cookie(&peer, &mut visitor(None, value), 784_111_777).unwrap_or_default();
    let sid = String::from_utf8(sid(0)).expect("text");
    assert_eq!(
        String::from_utf8(field("example.com")).expect("text"),
        format!(
            "s={sid}; expires=Sun, 06-Nov-94 09:52:37 GMT; max-age=3780; domain=example.com; path=/; secure; \
             httponly; samesite=strict"
        )
    );
    assert!(!String::from_utf8_lossy(&field("a\r\nb; c")).contains("domain"));
    let max = all.find("max").expect("the group");
    assert_eq!(
        max.set_cookie(&peer, &mut visitor(None, ""), 0).unwrap_or_default(),
        format!("s={sid}; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000").into_bytes()
    );
}

#[test]
fn a_route_leads_to_its_server_even_the_only_one_that_drains() {
    let all = groups(
        "upstream u { server 127.0.0.1:1 route=a; server 127.0.0.1:2 route=b; sticky route $x $y; }
         upstream one { server 127.0.0.1:1 route=a drain; sticky route $x; }",
    );
    let u = all.find("u").expect("the group");
    assert_eq!((0..3).map(|_| port(u, &mut visitor(None, "b"), DAY)).collect::<Vec<_>>(), [2, 2, 2]);
    let one = all.find("one").expect("the group");
    assert_eq!(port(one, &mut visitor(None, "a"), DAY), 1);
    let Pick::NoLive(why) = one.choose(&mut one.start(), &mut visitor(None, "z"), false, DAY) else {
        panic!("nobody")
    };
    assert_eq!(why.peers[0].1, Reason::Draining);
}

#[test]
fn a_learned_session_stays_until_its_time_is_over() {
    let all = groups(
        "upstream u { server 127.0.0.1:1; server 127.0.0.1:2;
         sticky learn zone=z:1m timeout=2 create=$a lookup=$b header; }",
    );
    let u = all.find("u").expect("the group");
    let peer = u.roster().primary.peers[1].clone();
    u.learn(&peer, &mut visitor(None, "me"), Moment::End, DAY);
    assert_eq!(port(u, &mut visitor(None, "me"), DAY), 1, "not at that moment");
    u.learn(&peer, &mut visitor(None, "me"), Moment::Header, DAY);
    u.learn(&peer, &mut visitor(None, ""), Moment::Header, DAY);
    for ms in [0, 2000, 4000, 6000] {
        assert_eq!(port(u, &mut visitor(None, "me"), DAY + ms), 2, "each use counts");
    }
    let later: Vec<u16> = (0..2).map(|_| port(u, &mut visitor(None, "me"), DAY + 9000)).collect();
    assert_eq!(later, [2, 1], "in turn again");
    for n in 0..100_000 {
        u.learn(&peer, &mut visitor(None, &format!("session {n}")), Moment::Header, DAY);
    }
    assert_eq!(port(u, &mut visitor(None, "session 99999"), DAY), 2, "old ones give way");
}

#[test]
fn requests_wait_when_all_are_full_and_are_woken_in_turn() {
    use crate::event::{ExchangeId, RequestIx};
    let all = groups(
        "upstream u { zone z 64k; server 127.0.0.1:1 max_conns=1; server 127.0.0.1:2 max_conns=1;
         queue 1 timeout=3s; }",
    );
    let u = all.find("u").expect("the group");
    let ask = || (u.start(), visitor(None, ""));
    let (mut tried, mut client) = ask();
    let Pick::Peer(first) = u.choose(&mut tried, &mut client, false, DAY) else { panic!("a peer") };
    let second = u.choose(&mut u.start(), &mut client, false, DAY);
    let mut late = u.start();
    let Pick::Wait(100) = u.choose(&mut late, &mut client, false, DAY) else { panic!("wait") };
    let Pick::Wait(50) = u.choose(&mut late, &mut client, false, DAY + 2950) else { panic!("wait on") };
    let Pick::NoLive(_) = u.choose(&mut late, &mut client, false, DAY + 3000) else { panic!("too late") };
    let waiter = (ExchangeId(5), RequestIx::MAIN);
    u.wait(waiter);
    let Pick::NoLive(why) = u.choose(&mut u.start(), &mut client, false, DAY) else { panic!("no room") };
    assert_eq!(why.to_string(), "127.0.0.1:1 full 1/1; 127.0.0.1:2 full 1/1");
    let freed = u.free(first, &mut tried, crate::balance::Verdict::SERVED, DAY);
    assert_eq!(freed.wake, Some(waiter));
    assert_eq!(port(u, &mut client, DAY), 1);
    u.wait(waiter);
    u.unwait(waiter);
    drop(second);
    assert!(matches!(u.choose(&mut u.start(), &mut client, false, DAY), Pick::Peer(_)));
}
