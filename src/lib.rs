//! Headwater: nginx's upstream machinery, built again in Rust.

pub mod conf;
