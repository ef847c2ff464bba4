//! Which peer of a group is asked: by turns, by load, by address, by key; and which is not asked at all.

use std::collections::BTreeMap;

use crate::kit::{Origin, Server, http};

/// Three origins which answer with their names, and a server with a group of them: `%%A%%`, `%%B%%`, `%%C%%`.
fn three(group: &str) -> (Vec<Origin>, Server) {
    let origins: Vec<Origin> = ["a", "b", "c"].iter().map(|name| Origin::always(http::ok(name))).collect();
    let text = format!(
        "upstream u {{ {group} }}
         server {{ listen 127.0.0.1:%%PORT_0%%; location / {{ proxy_pass http://u; }} }}"
    );
    let mut setup = Server::http(&text);
    for (name, origin) in ["A", "B", "C"].iter().zip(&origins) {
        setup = setup.with(name, origin.addr());
    }
    (origins, setup.start())
}

/// How often each peer answered `n` requests.
fn counts(s: &Server, n: usize) -> BTreeMap<String, usize> {
    let mut c = s.connect();
    let mut found = BTreeMap::new();
    for _ in 0..n {
        *found.entry(c.get("/").text()).or_insert(0) += 1;
    }
    found
}

fn map(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

#[test]
fn round_robin_spreads_smoothly_by_weight() {
    let (_origins, s) = three("server %%A%% weight=5; server %%B%%; server %%C%%;");
    let mut c = s.connect();
    let order: String = (0..14).map(|_| c.get("/").text()).collect();
    assert_eq!(order, "aabacaaaabacaa");
}

#[test]
fn a_peer_that_is_down_is_never_asked() {
    let (origins, s) = three("server %%A%% down; server %%B%%; server %%C%%;");
    assert_eq!(counts(&s, 10), map(&[("b", 5), ("c", 5)]));
    assert_eq!(origins[0].connections(), 0);
}

#[test]
fn backups_wait_until_nobody_else_is_left() {
    let (origins, s) = three("server %%A%%; server %%B%% backup; server 127.0.0.1:9 down;");
    assert_eq!(counts(&s, 4), map(&[("a", 4)]));
    assert_eq!(origins[1].connections(), 0);
    let (_origins, s) = three("server 127.0.0.1:9 down; server %%B%% backup; server %%C%% backup;");
    assert_eq!(counts(&s, 4), map(&[("b", 2), ("c", 2)]));
}

#[test]
fn nobody_left_is_no_live_upstreams() {
    let (_origins, s) = three("server %%A%% down; server %%B%% down;");
    assert_eq!(s.get("/").status, 502);
    s.wait_for_log("no live upstreams while connecting to upstream, client: 127.0.0.1");
}

#[test]
fn max_conns_keeps_further_requests_away() {
    let (origin, go) = Origin::gated(&["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "held"]);
    let other = Origin::always(http::ok("other"));
    let text = "upstream u { zone z 64k; server %%HELD%% max_conns=1; server %%OTHER%% backup; }
                server { listen 127.0.0.1:%%PORT_0%%; proxy_buffering off;
                         location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("HELD", origin.addr()).with("OTHER", other.addr()).start();
    let mut first = s.connect();
    first.send(http::get("/", &[])).head();
    for _ in 0..3 {
        assert_eq!(s.get("/").text(), "other");
    }
    go.send(()).expect("the origin waits");
    assert_eq!(first.bytes(4), b"held");
}

#[test]
fn least_conn_asks_the_one_with_the_fewest() {
    let (origin, go) = Origin::gated(&["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "held"]);
    let other = Origin::always(http::ok("other"));
    let text = "upstream u { least_conn; server %%HELD%%; server %%OTHER%%; }
                server { listen 127.0.0.1:%%PORT_0%%; proxy_buffering off;
                         location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("HELD", origin.addr()).with("OTHER", other.addr()).start();
    let mut first = s.connect();
    first.send(http::get("/", &[])).head();
    for _ in 0..5 {
        assert_eq!(s.get("/").text(), "other");
    }
    go.send(()).expect("the origin waits");
    assert_eq!(first.bytes(4), b"held");
}

#[test]
fn one_address_stays_with_one_peer_under_ip_hash() {
    let (_origins, s) = three("ip_hash; server %%A%%; server %%B%%; server %%C%%;");
    assert_eq!(counts(&s, 10).len(), 1);
}

#[test]
fn a_key_stays_with_its_peer_under_hash() {
    for method in ["hash $arg_k;", "hash $arg_k consistent;"] {
        let (_origins, s) = three(&format!("{method} server %%A%%; server %%B%%; server %%C%%;"));
        let mut c = s.connect();
        let mut peers = BTreeMap::new();
        for round in 0..3 {
            for key in 0..30 {
                let peer = c.get(&format!("/?k={key}")).text();
                let known = peers.entry(key).or_insert_with(|| peer.clone());
                assert_eq!(*known, peer, "{method} key {key}, round {round}");
            }
        }
        let used: std::collections::BTreeSet<&String> = peers.values().collect();
        assert_eq!(used.len(), 3, "{method} {peers:?}");
    }
}

#[test]
fn random_reaches_every_peer() {
    for method in ["random;", "random two least_conn;"] {
        let (_origins, s) = three(&format!("zone z 64k; {method} server %%A%%; server %%B%%; server %%C%%;"));
        let found = counts(&s, 120);
        assert_eq!((found.len(), found.values().sum::<usize>()), (3, 120), "{method} {found:?}");
    }
}

#[test]
fn the_pool_of_idle_connections_has_a_limit() {
    let origin = Origin::each(|talk| {
        // an answer only when all three requests are there
        let gone = talk.request().is_none();
        if !gone {
            talk.wait_for_requests(3);
            talk.send(http::ok("x"));
            talk.read_to_end();
        }
    });
    let text = "upstream u { server %%ORIGIN%%; keepalive 1; }
                server { listen 127.0.0.1:%%PORT_0%%; proxy_http_version 1.1; proxy_set_header Connection '';
                         location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("ORIGIN", origin.addr()).start();
    let mut clients: Vec<_> = (0..3).map(|_| s.connect()).collect();
    for c in &mut clients {
        c.send(http::get("/", &[]));
    }
    for c in &mut clients {
        assert_eq!(c.response().text(), "x");
    }
    // three connections were used at once, one is kept
    origin.wait_for_closed(2);
    assert_eq!(origin.connections(), 3);
}

#[test]
fn kept_connections_end_by_count_and_by_time() {
    let origin = Origin::always(http::ok("x"));
    let group = |more: &str| {
        format!(
            "upstream u {{ server %%ORIGIN%%; keepalive 4; {more} }}
             server {{ listen 127.0.0.1:%%PORT_0%%; proxy_http_version 1.1; proxy_set_header Connection '';
                       location / {{ proxy_pass http://u; }} }}"
        )
    };
    let s = Server::http(&group("keepalive_requests 2;")).with("ORIGIN", origin.addr()).start();
    for _ in 0..6 {
        assert_eq!(s.get("/").text(), "x");
    }
    assert_eq!(origin.connections(), 3);
    let s = Server::http(&group("keepalive_timeout 50ms;")).with("ORIGIN", origin.addr()).start();
    assert_eq!(s.get("/").text(), "x");
    origin.wait_for_closed(4);
}

#[test]
fn a_peer_may_be_named_by_a_variable() {
    let (one, two) = (Origin::always(http::ok("one")), Origin::always(http::ok("two")));
    let text = "server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://$arg_to; } }";
    let s = Server::http(text).start();
    for (origin, name) in [(&one, "one"), (&two, "two"), (&one, "one")] {
        assert_eq!(s.get(&format!("/?to={}", origin.addr())).text(), name);
    }
}
