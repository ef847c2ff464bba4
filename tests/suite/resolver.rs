//! Names that are known only at run time: those that requests make, and those of `server … resolve`.

use crate::kit::origin::Refusing;
use crate::kit::server::{Setup, is_headwater};
use crate::kit::{Dns, Origin, Reply, Server, http, wait};

/// A proxy that asks for the host of each request.
fn by_host(dns: &Dns, origin: &Origin, more: &str) -> Setup {
    let text = format!(
        "resolver %%DNS%% ipv6=off; {more}
         location / {{ proxy_pass http://$http_x_name:%%PORT%%; add_header X-Addr $upstream_addr always; }}"
    );
    Server::locations(&text).with("DNS", dns.addr()).with("PORT", origin.addr().port())
}

fn get(s: &Server, name: &str) -> http::Response {
    s.connect().ask(http::get("/", &[&format!("X-Name: {name}")]))
}

#[test]
fn a_name_is_asked_for_once_while_its_answer_is_good_whatever_its_case() {
    let (dns, origin) = (Dns::with("a.test", Reply::ips(&["127.0.0.1"])), Origin::always(http::ok("here")));
    let s = by_host(&dns, &origin, "").start();
    for name in ["a.test", "A.test", "a.TEST."] {
        assert_eq!(get(&s, name).text(), "here", "{name}");
    }
    assert_eq!(dns.questions().len(), 1);
    if is_headwater() {
        // DIFF: nginx makes new peers for each request and cannot use their connections again.
        assert_eq!(origin.connections(), 2, "a.test and a.TEST. have pools of their own");
    }
}

#[test]
fn requests_for_one_name_wait_for_one_question() {
    let (dns, origin) = (Dns::with("a.test", Reply::Silence), Origin::always(http::ok("here")));
    let s = by_host(&dns, &origin, "resolver_timeout 5s;").allow("while resolving").start();
    let mut clients: Vec<_> = (0..5).map(|_| s.connect()).collect();
    for c in &mut clients {
        c.send(http::get("/", &["X-Name: a.test"])).wait_until_read();
    }
    // The first of them leaves; the others wait on.
    clients.remove(0).reset();
    dns.wait_for_questions(1);
    dns.set("a.test", Reply::ips(&["127.0.0.1"]));
    for c in &mut clients {
        assert_eq!(c.response().text(), "here");
    }
    assert_eq!(dns.questions().len(), 2, "the one that was lost and its repetition");
}

#[test]
fn a_name_without_address_is_a_bad_gateway_and_the_log_says_why() {
    let origin = Origin::always(http::ok("here"));
    let (dns, s);
    dns = Dns::with("a.test", Reply::Code(2));
    s = by_host(&dns, &origin, "resolver_timeout 200ms;").allow("could not be resolved").start();
    dns.set("silent.test", Reply::Silence);
    dns.set("empty.test", Reply::ips(&[]));
    for (name, why) in [
        ("a.test", "2: Server failure"),
        ("none.test", "3: Host not found"),
        ("empty.test", "3: Host not found"),
        ("silent.test", "110: Operation timed out"),
        ("bad..name", "3: Host not found"),
    ] {
        assert_eq!(get(&s, name).status, 502, "{name}");
        s.wait_for_log(&format!("{name} could not be resolved ({why}), client: 127.0.0.1, server: "));
    }
}

#[test]
fn without_a_resolver_a_name_cannot_be_asked_for() {
    let conf = "location / { proxy_pass http://$http_x_name; }";
    let s = Server::locations(conf).allow("no resolver defined").start();
    assert_eq!(get(&s, "a.test").status, 502);
    s.wait_for_log("no resolver defined to resolve a.test, client: 127.0.0.1");
}

#[test]
fn an_answer_that_is_too_long_is_asked_for_over_tcp() {
    let reply = Reply::OverTcp(Box::new(Reply::ips(&["127.0.0.1"])));
    let (dns, origin) = (Dns::with("a.test", reply), Origin::always(http::ok("here")));
    let s = by_host(&dns, &origin, "").start();
    assert_eq!(get(&s, "a.test").text(), "here");
    let over: Vec<bool> = dns.questions().iter().map(|question| question.tcp).collect();
    assert_eq!(over, [false, true]);
}

#[test]
fn only_the_answer_to_the_question_is_believed() {
    let reply = Reply::AmongForgeries(Box::new(Reply::ips(&["127.0.0.1"])));
    let (dns, origin) = (Dns::with("a.test", reply), Origin::always(http::ok("here")));
    let s = by_host(&dns, &origin, "").allow("DNS response").start();
    assert_eq!(get(&s, "a.test").header("X-Addr"), Some(&*origin.addr().to_string()));
}

#[test]
fn an_address_that_stands_there_three_times_is_three_peers() {
    let dns = Dns::with("a.test", Reply::ips(&["127.0.0.1", "127.0.0.1", "127.0.0.1"]));
    let origin = Origin::always(http::reply("404 Not Found", &[], b"no"));
    let more = "proxy_next_upstream http_404; add_header X-Status $upstream_status always;
        proxy_next_upstream_tries 2;";
    let s = by_host(&dns, &origin, more).start();
    let addr = origin.addr();
    assert_eq!(get(&s, "a.test").header("X-Addr"), Some(&*format!("{addr}, {addr}")));
    if is_headwater() {
        let text = "resolver %%DNS%% ipv6=off;
            upstream u { server a.test:%%PORT%% resolve max_fails=0; }
            proxy_next_upstream http_404;
            server { listen 127.0.0.1:%%PORT_0%%; add_header X-Addr $upstream_addr always;
                     location / { proxy_pass http://u; } }";
        let s = Server::http(text).with("DNS", dns.addr()).with("PORT", addr.port()).start();
        let thrice = format!("{addr}, {addr}, {addr}");
        assert_eq!(s.get("/").header("X-Addr"), Some(&*thrice));
        // The answer changes, and each copy that stays is the peer it was.
        dns.set("a.test", Reply::ips(&["127.0.0.1", "127.0.0.1"]));
        assert_eq!(s.get("/").header("X-Addr"), Some(&*thrice), "known for an hour");
    }
}

#[test]
fn an_alias_is_followed_to_another_question() {
    let (dns, origin) = (Dns::with("a.test", Reply::Alias("b.test")), Origin::always(http::ok("here")));
    dns.set("b.test", Reply::ips(&["127.0.0.1"]));
    let s = by_host(&dns, &origin, "").start();
    assert_eq!(get(&s, "a.test").text(), "here");
    assert_eq!(get(&s, "a.test").text(), "here");
    let names: Vec<String> = dns.questions().into_iter().map(|question| question.name).collect();
    assert_eq!(names, ["a.test", "b.test"]);
}

#[test]
fn a_name_server_that_refuses_is_followed_by_the_next() {
    if !is_headwater() {
        return; // nginx waits five seconds first
    }
    let nobody = Refusing::new();
    let (dns, origin) = (Dns::with("a.test", Reply::ips(&["127.0.0.1"])), Origin::always(http::ok("here")));
    let conf = "resolver %%NOBODY%% %%DNS%% ipv6=off;
                location / { proxy_pass http://$http_x_name:%%PORT%%; }";
    let s = Server::locations(conf).with("DNS", dns.addr()).with("PORT", origin.addr().port());
    let s = s.with("NOBODY", nobody.addr()).allow("Connection refused").start();
    assert_eq!(get(&s, "a.test").text(), "here");
}

/// A group with one line that is looked up at run time.
fn group(dns: &Dns, line: &str) -> Setup {
    let text = format!(
        "upstream u {{ zone z 1m; server {line} resolve max_fails=0; }} resolver %%DNS%% ipv6=off valid=1s;
         server {{ listen 127.0.0.1:%%PORT_0%%; error_log error.log info;
                   add_header X-Addr $upstream_addr always;
                   location / {{ proxy_pass http://u; proxy_connect_timeout 1s; }} }}"
    );
    Server::http(&text).with("DNS", dns.addr()).allow("while connecting to upstream").allow("resolved")
}

/// Asks until the group's peers are these.
fn wait_for_peers(s: &Server, peers: &str) {
    wait::until(peers, || Some(()).filter(|()| s.get("/").header("X-Addr") == Some(peers)));
}

#[test]
fn the_peers_of_a_line_follow_its_name() {
    if !is_headwater() {
        return; // Debian's nginx is older than resolve
    }
    let (one, two) = (Origin::always(http::ok("here")), Refusing::new());
    let port = one.addr().port();
    let dns = Dns::with("u.test", Reply::Code(3));
    // It starts, and its name does not exist yet.
    let s = group(&dns, &format!("u.test:{port}")).start();
    assert_eq!(s.get("/").status, 502);
    dns.set("u.test", Reply::ips(&["127.0.0.1"]));
    wait_for_peers(&s, &format!("127.0.0.1:{port}"));
    dns.set("u.test", Reply::ips(&["127.0.0.9", "127.0.0.8"]));
    wait::until("both to be asked", || {
        let addr = s.get("/").header("X-Addr").unwrap_or_default().to_owned();
        Some(()).filter(|()| addr.contains("127.0.0.8:") && addr.contains("127.0.0.9:"))
    });
    // The connection to the peer that left was idle, and has been closed.
    one.wait_for_closed(1);
    dns.set("u.test", Reply::ips(&[]));
    wait_for_peers(&s, "u");
    drop(two);
}

#[test]
fn requests_wait_for_the_first_answer_to_a_line() {
    if !is_headwater() {
        return; // Debian's nginx is older than resolve
    }
    let origin = Origin::always(http::ok("here"));
    let dns = Dns::with("u.test", Reply::Held);
    let s = group(&dns, &format!("u.test:{}", origin.addr().port())).start();
    let mut c = s.connect();
    c.send(http::get("/", &[])).wait_until_read();
    dns.wait_for_questions(1);
    dns.set("u.test", Reply::ips(&["127.0.0.1"]));
    assert_eq!(c.response().text(), "here");
}

#[test]
fn requests_do_not_wait_for_ever_for_the_first_answer_to_a_line() {
    if !is_headwater() {
        return; // Debian's nginx is older than resolve
    }
    let dns = Dns::with("u.test", Reply::Silence);
    let s = group(&dns, "u.test:80").start();
    assert_eq!(s.get("/").status, 502);
}

#[test]
fn the_last_good_answer_stays_when_the_name_server_is_in_trouble_also_over_a_reload() {
    if !is_headwater() {
        return; // Debian's nginx is older than resolve
    }
    let origin = Origin::always(http::ok("here"));
    let line = format!("u.test:{}", origin.addr().port());
    let dns = Dns::with("u.test", Reply::ips(&["127.0.0.1"]));
    let s = group(&dns, &line).start();
    wait_for_peers(&s, &origin.addr().to_string());
    for (code, why) in [(2, "2: Server failure"), (3, "3: Host not found")] {
        dns.set("u.test", Reply::Code(code));
        s.wait_for_log(&format!(
            "u.test could not be resolved ({why}), it keeps its last address in upstream \"u\""
        ));
        assert_eq!(s.get("/").text(), "here");
    }
    dns.set("u.test", Reply::Silence);
    s.reload();
    assert_eq!(s.get("/").text(), "here");
}

#[test]
fn a_service_gives_peers_with_ports_weights_and_backups() {
    if !is_headwater() {
        return; // Debian's nginx is older than resolve
    }
    let (good, spare) = (Origin::always(http::ok("good")), Origin::always(http::ok("spare")));
    let places =
        |first, second| Reply::Services(vec![(10, 5, first, "one.test"), (20, 0, second, "two.test")]);
    let dns = Dns::with("_http._tcp.u.test", places(good.addr().port(), spare.addr().port()));
    dns.set("one.test", Reply::ips(&["127.0.0.1"]));
    dns.set("two.test", Reply::ips(&["127.0.0.1"]));
    let s = group(&dns, "u.test service=http").start();
    wait_for_peers(&s, &good.addr().to_string());
    assert_eq!(s.get("/").text(), "good", "the backup has nothing to do");
    let nobody = Refusing::new();
    dns.set("_http._tcp.u.test", places(nobody.addr().port(), spare.addr().port()));
    wait_for_peers(&s, &format!("{}, {}", nobody.addr(), spare.addr()));
}

#[test]
fn lines_are_looked_up_by_their_own_name_servers() {
    if !is_headwater() {
        return; // Debian's nginx is older than resolve
    }
    let origin = Origin::always(http::ok("here"));
    let line = format!("u.test:{}", origin.addr().port());
    let dns = Dns::with("u.test", Reply::Code(3));
    let own = Dns::with("u.test", Reply::ips(&["127.0.0.1"]));
    let line = format!("{line} resolve; resolver %%OWN%% ipv6=off; resolver_timeout 1s; server {line}");
    let s = group(&dns, &line).with("OWN", own.addr()).start();
    wait_for_peers(&s, &origin.addr().to_string());
    assert!(dns.questions().is_empty());
}

#[test]
fn what_a_resolver_cannot_be_is_said() {
    for (line, why) in [
        ("resolver 127.0.0.1 valid=x;", "invalid parameter: valid=x in"),
        ("resolver 127.0.0.1:0;", "invalid port in resolver \"127.0.0.1:0\" in"),
        ("resolver 127.0.0.1 ipv6=maybe;", "invalid parameter: ipv6=maybe in"),
        ("resolver [::1;", "invalid host in resolver \"[::1\" in"),
        ("resolver host.invalid;", "host not found in resolver \"host.invalid\" in"),
        ("resolver 127.0.0.1; resolver 127.0.0.1;", "\"resolver\" directive is duplicate in"),
        ("resolver valid=1s;", "no name servers defined in"),
        ("resolver :53;", "no host in resolver \":53\" in"),
        ("resolver_timeout x;", "\"resolver_timeout\" directive invalid value in"),
    ] {
        let said = Server::locations(line).refusal();
        assert!(said.contains(why), "{line}: {said}");
    }
}
