//! Headwater: nginx's upstream machinery, built again in Rust.

pub mod buf;
pub mod conf;
pub mod event;
pub mod http;
pub mod log;
pub mod process;
pub mod sys;
pub mod util;
