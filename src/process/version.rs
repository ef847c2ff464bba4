//! What this program says it is.
//!
//! *In nginx* `-V` prints the version and the arguments of `configure`; scripts and nginx's own tests read
//! from it which modules a binary has.
//!
//! *Here* there is no `configure`, but the answer has the same form, because those who ask expect it: a
//! module that nginx has by default and that is missing here is denied with `--without-…`, one that nginx
//! leaves out by default and that is there is claimed with `--with-…`. [`MODULES`] is the one table of
//! both. The text names no path and nothing else that could be mistaken for the name of a feature.
//!
//! *Read next*: `args.rs`.

use crate::util::version::{BUILD, NGINX_VER_BUILD, TLS_LIBRARY};
use std::fmt::Write;

/// A module of nginx: whether it is there, and whether nginx has it without being told.
struct Feature {
    /// The name as in the arguments of configure, e.g. `http_gzip_module`.
    name: &'static str,
    by_default: bool,
    here: bool,
}

const fn usual(name: &'static str, here: bool) -> Feature {
    Feature { name, by_default: true, here }
}

const fn extra(name: &'static str, here: bool) -> Feature {
    Feature { name, by_default: false, here }
}

/// Every module of nginx that somebody may ask for. Change `false` to `true` when one is done.
const MODULES: &[Feature] = &[
    extra("debug", true),
    extra("http_ssl_module", true),
    extra("http_realip_module", true),
    extra("http_auth_request_module", true),
    extra("http_addition_module", true),
    extra("http_sub_module", true),
    extra("http_secure_link_module", true),
    extra("http_slice_module", true),
    extra("http_stub_status_module", true),
    extra("http_gunzip_module", true),
    extra("http_gzip_static_module", true),
    usual("http_charset_module", true),
    usual("http_gzip_module", true),
    usual("http_ssi_module", true),
    usual("http_userid_module", true),
    usual("http_access_module", true),
    usual("http_auth_basic_module", true),
    usual("http_mirror_module", true),
    usual("http_autoindex_module", true),
    usual("http_geo_module", true),
    usual("http_map_module", true),
    usual("http_split_clients_module", true),
    usual("http_referer_module", true),
    usual("http_rewrite_module", true),
    usual("http_proxy_module", true),
    usual("http_fastcgi_module", true),
    usual("http_uwsgi_module", true),
    usual("http_scgi_module", true),
    usual("http_grpc_module", false),
    usual("http_tunnel_module", true),
    usual("http_memcached_module", true),
    usual("http_limit_conn_module", true),
    usual("http_limit_req_module", true),
    usual("http_empty_gif_module", true),
    usual("http_browser_module", true),
    usual("http_upstream_hash_module", true),
    usual("http_upstream_ip_hash_module", true),
    usual("http_upstream_least_conn_module", true),
    usual("http_upstream_least_time_module", true),
    usual("http_upstream_random_module", true),
    usual("http_upstream_keepalive_module", true),
    usual("http_upstream_zone_module", true),
    usual("http_upstream_sticky_module", true),
    usual("http-cache", true),
];

/// `nginx version: nginx/1.31.5 (headwater-0.1.0)`
pub fn version_line() -> String {
    format!("nginx version: {NGINX_VER_BUILD}")
}

/// What TLS is done with, in the place where nginx names its library.
pub fn tls_line() -> String {
    format!("built with {TLS_LIBRARY}\nTLS SNI support enabled\n")
}

/// The arguments nginx would have to be configured with to have the same modules.
pub fn configure_arguments() -> String {
    let mut text = format!("configure arguments: --build={BUILD}");
    for Feature { name, by_default, here } in MODULES {
        let word = match (by_default, here) {
            (true, false) => "without",
            (false, true) => "with",
            _ => continue,
        };
        // Writing to a string cannot fail.
        let _ = write!(text, " --{word}-{name}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_from_nginx_is_said() {
        let text = configure_arguments();
        for feature in MODULES {
            let (with, without) = (format!("--with-{}", feature.name), format!("--without-{}", feature.name));
            let words: Vec<&str> = text.split_whitespace().collect();
            assert_eq!(words.contains(&with.as_str()), feature.here && !feature.by_default);
            assert_eq!(words.contains(&without.as_str()), !feature.here && feature.by_default);
        }
    }

    #[test]
    fn nothing_said_can_be_taken_for_a_feature_that_is_not_there() {
        let text = format!("{}\n{}", version_line(), configure_arguments());
        assert!(text.starts_with("nginx version: nginx/1."));
        let mentioned =
            ["http_ssl", "http_v2", "http_v3", "random_index", "dav", "mp4", "image_filter", "xslt"];
        let declared =
            ["slice", "gunzip", "gzip_static", "addition", "stub_status", "secure_link", "OpenSSL"];
        for name in mentioned.iter().chain(&declared) {
            let here = MODULES.iter().any(|feature| feature.here && feature.name.contains(name));
            assert_eq!(text.contains(name), here, "{name}");
        }
    }
}
