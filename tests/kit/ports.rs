//! Ports for servers and origins, none handed out twice.
//!
//! Asking the kernel for port 0 and then giving that number to a server has a hole: between the two, any
//! outgoing connection may be given the same number. So ports are taken from below the range the kernel
//! uses for outgoing connections, and a locked file per port keeps parallel tests and parallel test
//! processes apart. The lock is the kernel's, so it goes when the process goes, however it goes.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// A port of 127.0.0.1 that is ours until this value is dropped.
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes a port on which nobody listens.
    pub fn take() -> Port {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let dir = std::env::temp_dir().join("headwater-test-ports");
        fs::create_dir_all(&dir).expect("a directory for the port locks");
        let start = std::process::id().wrapping_mul(97);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = (FIRST + start.wrapping_add(step) % COUNT) as u16;
            let path = dir.join(number.to_string());
            let Ok(lock) = OpenOptions::new().create(true).truncate(false).write(true).open(path) else {
                continue;
            };
            if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Port { number, _lock: lock };
            }
        }
        panic!("all {COUNT} test ports are in use");
    }

    /// The number.
    pub fn number(&self) -> u16 {
        self.number
    }
}
