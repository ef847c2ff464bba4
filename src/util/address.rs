//! Addresses of the three kinds a proxy meets: IPv4, IPv6 and unix sockets.
//!
//! *In nginx* a `struct sockaddr` with its length and a text made of it at parse time, `ngx_addr_t`.
//!
//! *Here* one small enum, since an idle connection carries two of them and a `sockaddr_storage` has 128
//! bytes. The text is nginx's: `127.0.0.1:80`, `[::1]:80`, `unix:/path` (and `unix:` for a peer without a
//! name).
//!
//! *Read next*: `event/conn.rs`, where they are kept.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where a socket is, or where its other end is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4 or IPv6 with a port.
    Ip(SocketAddr),
    /// A unix socket with its path; empty for one without a name.
    Unix(Rc<Path>),
}

/// How each octet is written, with a dot behind it, and how long that is.
static OCTETS: [([u8; 4], usize); 256] = {
    let mut all = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (hundreds, tens, ones) = (digit(octet / 100), digit(octet / 10), digit(octet));
        all[octet] = match octet {
            0..10 => ([ones, b'.', b'.', b'.'], 2),
            10..100 => ([tens, ones, b'.', b'.'], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        octet += 1;
    }
    all
};

const fn digit(n: usize) -> u8 {
    b'0' + (n % 10) as u8
}

impl Address {
    /// The unspecified IPv4 address, port 0.
    pub const NONE: Address = Address::Ip(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));

    /// From what the kernel filled in.
    pub fn from_sockaddr(address: &socket2::SockAddr) -> Address {
        match address.as_socket() {
            Some(ip) => Address::Ip(ip),
            None => Address::Unix(address.as_pathname().unwrap_or(Path::new("")).into()),
        }
    }

    /// In the kernel's form.
    ///
    /// # Errors
    /// A unix path that is too long.
    pub fn to_sockaddr(&self) -> io::Result<socket2::SockAddr> {
        match self {
            Address::Ip(ip) => Ok((*ip).into()),
            Address::Unix(path) => socket2::SockAddr::unix(path),
        }
    }

    /// The port; 0 for a unix socket.
    pub fn port(&self) -> u16 {
        match self {
            Address::Ip(ip) => ip.port(),
            Address::Unix(_) => 0,
        }
    }

    /// The IP address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) => Some(ip.ip()),
            Address::Unix(_) => None,
        }
    }

    /// True for a unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self, Address::Unix(_))
    }

    /// True for `0.0.0.0` and `::`.
    pub fn is_wildcard(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// The text without the port, as `$remote_addr` shows it: `127.0.0.1`, `::1`, `unix:`.
    pub fn host_text(&self) -> String {
        match self {
            Address::Ip(ip) => ip.ip().to_string(),
            Address::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// Appends what [`Address::host_text`] gives. Quick for IPv4, where it is asked for with each request.
    pub fn write_host(&self, out: &mut Vec<u8>) {
        let Address::Ip(SocketAddr::V4(ip)) = self else {
            return out.extend_from_slice(self.host_text().as_bytes());
        };
        let (mut text, mut len) = (*b"255.255.255.255.", 0);
        for octet in ip.ip().octets() {
            let (digits, n) = OCTETS[usize::from(octet)];
            if let Some(place) = text.get_mut(len..len + digits.len()) {
                place.copy_from_slice(&digits);
            }
            len += n;
        }
        out.extend_from_slice(text.get(..len - 1).unwrap_or_default());
    }

    /// Reads `unix:/path`, `1.2.3.4:80`, `1.2.3.4`, `[::1]:80`, `[::1]`; never asks a name server.
    /// `default_port` stands in when there is none.
    pub fn parse(text: &str, default_port: u16) -> Option<Address> {
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Address::Unix(PathBuf::from(path).into()));
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']')?;
            let ip: Ipv6Addr = host.parse().ok()?;
            let port = match port.strip_prefix(':') {
                Some(port) => port.parse().ok()?,
                None if port.is_empty() => default_port,
                None => return None,
            };
            return Some(Address::Ip(SocketAddr::new(ip.into(), port)));
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, default_port),
        };
        let ip: Ipv4Addr = host.parse().ok()?;
        Some(Address::Ip(SocketAddr::new(ip.into(), port)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => write!(f, "{ip}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_as_the_library_writes_it() {
        for octet in 0..=255 {
            for octets in [[octet, 0, 10, 100], [255, 255, 255, octet], [1, octet, octet, 9]] {
                let (ip, mut out) = (Ipv4Addr::from(octets), b"from ".to_vec());
                Address::Ip((ip, 80).into()).write_host(&mut out);
                assert_eq!(out, format!("from {ip}").as_bytes());
            }
        }
    }

    #[test]
    fn the_text_of_an_address_reads_back() {
        for text in ["127.0.0.1:8080", "[::1]:80", "unix:/tmp/s"] {
            assert_eq!(Address::parse(text, 1).unwrap().to_string(), text);
        }
        assert_eq!(Address::parse("10.0.0.1", 80).unwrap().to_string(), "10.0.0.1:80");
        assert_eq!(Address::parse("localhost:80", 80), None);
        assert_eq!(Address::parse("unix:", 80), None);
    }
}
