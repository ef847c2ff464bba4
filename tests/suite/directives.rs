//! The directive tables as a whole: documented, without conflicts, and printed where people look.

use headwater::conf::docs;
use headwater::worker::app::Program;

#[test]
fn every_directive_says_what_it_does() {
    for module in Program::default().registry().modules() {
        for directive in module.directives {
            let doc = directive.doc.trim();
            assert!(doc.len() >= 10 && doc.ends_with('.'), "{}: {doc:?} is no sentence", directive.name);
        }
    }
}

#[test]
fn no_two_modules_claim_a_directive_in_the_same_place() {
    let registry = Program::default().registry();
    assert!(registry.conflicts().is_empty());
}

#[test]
fn the_printed_reference_is_current() {
    let printed = docs::markdown(&Program::default().registry());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/directives.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == printed, "docs/directives.md is not what the tables say: run `make directives`");
}

/// Modules of nginx, each with a directive that only it has.
const MODULES: &[(&str, &str)] = &[
    ("http_access", "deny"),
    ("http_addition", "add_after_body"),
    ("http_auth_basic", "auth_basic"),
    ("http_auth_request", "auth_request"),
    ("http_autoindex", "autoindex"),
    ("http_browser", "ancient_browser"),
    ("http_charset", "charset"),
    ("http_empty_gif", "empty_gif"),
    ("http_fastcgi", "fastcgi_pass"),
    ("http_geo", "geo"),
    ("http_grpc", "grpc_pass"),
    ("http_gunzip", "gunzip"),
    ("http_gzip", "gzip"),
    ("http_gzip_static", "gzip_static"),
    ("http_limit_conn", "limit_conn"),
    ("http_limit_req", "limit_req"),
    ("http_map", "map"),
    ("http_memcached", "memcached_pass"),
    ("http_mirror", "mirror"),
    ("http_proxy", "proxy_pass"),
    ("http_realip", "set_real_ip_from"),
    ("http_referer", "valid_referers"),
    ("http_rewrite", "rewrite"),
    ("http_scgi", "scgi_pass"),
    ("http_slice", "slice"),
    ("http_split_clients", "split_clients"),
    ("http_ssi", "ssi"),
    ("http_stub_status", "stub_status"),
    ("http_sub", "sub_filter"),
    ("http_upstream_hash", "hash"),
    ("http_upstream_ip_hash", "ip_hash"),
    ("http_upstream_keepalive", "keepalive"),
    ("http_upstream_least_conn", "least_conn"),
    ("http_upstream_least_time", "least_time"),
    ("http_upstream_random", "random"),
    ("http_upstream_sticky", "sticky"),
    ("http_upstream_zone", "zone"),
    ("http_userid", "userid"),
    ("http_uwsgi", "uwsgi_pass"),
];

#[test]
fn the_version_tells_the_truth_about_modules() {
    let registry = Program::default().registry();
    let names: Vec<&str> = registry.modules().iter().flat_map(|m| m.directives).map(|d| d.name).collect();
    let said = headwater::process::version::configure_arguments();
    let words: Vec<&str> = said.split(' ').collect();
    // these nginx leaves out unless it is told otherwise
    let extra =
        ["addition", "auth_request", "gunzip", "gzip_static", "realip", "slice", "stub_status", "sub"];
    for (module, directive) in MODULES {
        let here = names.contains(directive);
        let is_extra = extra.iter().any(|name| *module == format!("http_{name}"));
        let with = words.contains(&format!("--with-{module}_module").as_str());
        let without = words.contains(&format!("--without-{module}_module").as_str());
        assert_eq!(
            (with, without),
            (here && is_extra, !here && !is_extra),
            "{module}: see process/version.rs"
        );
    }
}
