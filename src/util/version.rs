//! The versions this program names.
//!
//! *In nginx* `NGINX_VERSION` and `NGINX_VER_BUILD` in `nginx.h`.
//!
//! *Here* two words, and the texts made of them for the command line, the log and the `Server` header.
//!
//! *Read next*: `process/version.rs`, which says more about what is inside.

/// The nginx whose behaviour is followed: `$nginx_version`.
pub const NGINX_VERSION: &str = "1.31.5";
/// Our own name and version, which nginx would call the build.
pub const BUILD: &str = concat!("headwater-", env!("CARGO_PKG_VERSION"));
/// `Server` with `server_tokens on`: `nginx/1.31.5`.
pub const NGINX_VER: &str = "nginx/1.31.5";
/// `Server` with `server_tokens build`: `nginx/1.31.5 (headwater-0.1.0)`.
pub const NGINX_VER_BUILD: &str = concat!("nginx/1.31.5 (headwater-", env!("CARGO_PKG_VERSION"), ")");

/// What TLS is done with.
pub const TLS_LIBRARY: &str = "rustls 0.23 with ring";
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_made_of_the_words() {
        assert_eq!(NGINX_VER, format!("nginx/{NGINX_VERSION}"));
        assert_eq!(NGINX_VER_BUILD, format!("{NGINX_VER} ({BUILD})"));
    }
}
