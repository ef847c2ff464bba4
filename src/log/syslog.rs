//! Messages to a syslog server: one datagram each, never waited for.
//!
//! *In nginx* this is `ngx_syslog.c`: a peer per directive, with a socket opened at the first message, closed
//! after a failed send, and opened again at the next. Messages have the old format of RFC 3164.
//!
//! *Here* the same, and a message that met a failed send is tried once more on a fresh socket, because over
//! UDP the failure tells of the message before it. A server that does not read is no reason to wait: what
//! the socket does not take is lost. Failures go to the process's other targets, at most once a second.
//!
//! ```text
//!   <187>Nov 22 00:30:00 host nginx: 2026/11/22 00:30:00 [error] 31#31: *7 …
//!    └ facility × 8 + severity
//! ```
//!
//! *Read next*: `error_log.rs`, which makes the part behind the tag.

use super::clock;
use super::target::Sink;
use super::{Level, Targets, error_log};
use crate::sys::process;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// The facilities by number (RFC 5424, 6.2.1), with nginx's names.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp",
    "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
const LOCAL7: u8 = 23;
const DEFAULT_PORT: u16 = 514;
const MAX_TAG: usize = 32;

enum Server {
    Udp(SocketAddr),
    Unix(PathBuf),
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn open(server: &Server) -> io::Result<Socket> {
        match server {
            Server::Udp(address) => {
                let local: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(local)?;
                socket.set_nonblocking(true)?;
                socket.connect(address)?;
                Ok(Socket::Udp(socket))
            }
            Server::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                socket.connect(path)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    fn send(&self, packet: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Udp(socket) => socket.send(packet),
            Socket::Unix(socket) => socket.send(packet),
        }
    }
}

/// One `syslog:` argument of `error_log` or `access_log`.
pub struct Syslog {
    name: String,
    server: Server,
    facility: u8,
    severity: Level,
    tag: String,
    hostname: bool,
    socket: RefCell<Option<Socket>>,
    complained: Cell<i64>,
}

/// The parameters as they are read.
#[derive(Default)]
struct Settings<'a> {
    server: Option<&'a str>,
    facility: Option<u8>,
    severity: Option<Level>,
    tag: Option<&'a str>,
    nohostname: bool,
}

impl<'a> Settings<'a> {
    fn set(&mut self, parameter: &'a str) -> Result<(), String> {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, value),
            None if parameter == "nohostname" => {
                self.nohostname = true;
                return Ok(());
            }
            None => return Err(format!("unknown syslog parameter \"{parameter}\"")),
        };
        match name {
            "server" => once(name, &mut self.server, value),
            "facility" => {
                let number = FACILITIES.iter().position(|known| *known == value);
                let number = number.and_then(|n| u8::try_from(n).ok());
                once(name, &mut self.facility, number.ok_or(format!("unknown syslog facility \"{value}\""))?)
            }
            "severity" => {
                let level = Level::from_name(value);
                once(name, &mut self.severity, level.ok_or(format!("unknown syslog severity \"{value}\""))?)
            }
            "tag" => once(name, &mut self.tag, checked_tag(value)?),
            _ => Err(format!("unknown syslog parameter \"{parameter}\"")),
        }
    }
}

fn once<T>(name: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    if place.is_some() {
        return Err(format!("duplicate syslog \"{name}\""));
    }
    *place = Some(value);
    Ok(())
}

fn checked_tag(tag: &str) -> Result<&str, String> {
    if tag.len() > MAX_TAG {
        return Err(format!("syslog tag length exceeds {MAX_TAG}"));
    }
    if !tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err("syslog \"tag\" only allows alphanumeric characters and underscore".into());
    }
    Ok(tag)
}

fn server_of(text: &str) -> Result<Server, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err(format!("no path in the unix domain socket in syslog server \"{text}\"")),
            _ => Ok(Server::Unix(path.into())),
        };
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Server::Udp(address));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => {
            (host, port.parse().map_err(|_| format!("invalid port in syslog server \"{text}\""))?)
        }
        _ => (bare, DEFAULT_PORT),
    };
    let mut found = (host, port).to_socket_addrs().ok().into_iter().flatten();
    found.next().map(Server::Udp).ok_or_else(|| format!("host not found in syslog server \"{text}\""))
}

impl Syslog {
    /// Reads what stands behind `syslog:`: `server=…,facility=…,severity=…,tag=…,nohostname`. A host name is
    /// looked up at once.
    ///
    /// # Errors
    /// The text of the complaint.
    pub fn parse(text: &str) -> Result<Syslog, String> {
        let mut settings = Settings::default();
        for parameter in text.split(',') {
            settings.set(parameter)?;
        }
        let name = settings.server.ok_or("no syslog server specified")?;
        Ok(Syslog {
            name: name.to_owned(),
            server: server_of(name)?,
            facility: settings.facility.unwrap_or(LOCAL7),
            severity: settings.severity.unwrap_or(Level::Info),
            tag: settings.tag.unwrap_or("nginx").to_owned(),
            hostname: !settings.nohostname,
            socket: RefCell::new(None),
            complained: Cell::new(i64::MIN),
        })
    }

    /// The severity of the `severity=` parameter, 0 to 7: for access logs. Error logs use the message's own.
    pub fn severity(&self) -> u8 {
        self.severity.severity()
    }

    /// Sends one message without its newline, with the header in front.
    pub fn send(&self, severity: u8, text: &[u8]) {
        let mut packet = self.header(severity);
        packet.extend_from_slice(text);
        // The socket is taken out while it works, so that a complaint that comes back here finds none.
        let mut socket = self.socket.take();
        let mut failure = None;
        for _ in 0..2 {
            match self.try_send(socket.take(), &packet) {
                Ok(working) => {
                    socket = Some(working);
                    break;
                }
                Err(error) => failure = Some(error),
            }
        }
        *self.socket.borrow_mut() = socket;
        if let Some(error) = failure {
            self.complain(&error);
        }
    }

    fn try_send(&self, socket: Option<Socket>, packet: &[u8]) -> io::Result<Socket> {
        let socket = match socket {
            Some(socket) => socket,
            None => Socket::open(&self.server)?,
        };
        match socket.send(packet) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(socket),
        }
    }

    fn header(&self, severity: u8) -> Vec<u8> {
        let mut packet = Vec::with_capacity(error_log::MAX_LINE);
        let priority = u16::from(self.facility) * 8 + u16::from(severity);
        // Writing to a vector cannot fail.
        let _ = write!(packet, "<{priority}>{} ", clock::syslog_time());
        if self.hostname {
            let _ = write!(packet, "{} ", process::hostname());
        }
        let _ = write!(packet, "{}: ", self.tag);
        packet
    }

    /// Tells the process's targets that are not syslog servers themselves.
    fn complain(&self, error: &io::Error) {
        let second = clock::seconds();
        if self.complained.replace(second) == second {
            return;
        }
        let others = error_log::process();
        let others = others.list().iter().filter(|target| !matches!(target.sink, Sink::Syslog(_)));
        let context = format!(" while logging to syslog, server: {}", self.name);
        let text = format_args!("send() failed");
        Targets::new(others.cloned().collect()).write_with(Level::Error, 0, Some(error), text, &context);
    }
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "syslog:server={}", self.name)
    }
}

#[cfg(test)]
#[path = "syslog_tests.rs"]
mod tests;
