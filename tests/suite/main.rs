//! The integration tests: one binary, a module per subject.
//!
//! Run one subject with `cargo test --test suite reload::`, and all of them against nginx with
//! `HEADWATER_BIN=/usr/sbin/nginx cargo test --test suite`.

#[path = "../corpus/mod.rs"]
mod corpus;
#[path = "../kit/mod.rs"]
mod kit;

mod access;
mod access_log;
mod balance;
mod bodies;
mod body_filters;
mod cache;
mod cache_files;
mod command_line;
mod deadlines;
mod directives;
mod failover;
mod failures;
mod framing;
mod gzip;
mod headers;
mod health;
mod http_head;
mod kit_self;
mod large_bodies;
mod limits;
mod listing;
mod live_fuzz;
mod locations;
mod logs;
mod manual;
mod map;
mod processes;
mod protocols;
mod proxy;
mod realip;
mod reload;
mod resolver;
mod rewrite;
mod settings;
mod showcase;
mod smoke;
mod ssi;
mod static_file;
mod storm;
mod subrequests;
mod tls;
mod try_files;
mod tunnel;
mod tutorials;
mod userid;
mod variables;
