//! Networks: an address with the number of bits that count.
//!
//! *In nginx* `ngx_cidr_t`, read by `ngx_ptocidr` and asked by `ngx_cidr_match`.
//!
//! *Here* a value and two pure functions. An IPv4 client that came in over an IPv6 socket
//! (`::ffff:10.0.0.1`) is compared as the IPv4 client it is. A host name is not looked up here.
//!
//! *Read next*: `address.rs`.

use super::address::Address;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cidr {
    /// IPv4: the network and its mask.
    V4(u32, u32),
    /// IPv6: the network and its mask.
    V6(u128, u128),
    /// Every unix socket.
    Unix,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `::1`, `fe80::/10`, `unix:`. The flag says that bits
    /// behind the mask were set, which are taken away: the operator should be warned.
    pub fn parse(text: &str) -> Option<(Cidr, bool)> {
        if text == "unix:" {
            return Some((Cidr::Unix, false));
        }
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(ip) => {
                let mask = mask.map_or(Some(u32::MAX), mask_v4)?;
                let bits = ip.to_bits();
                Some((Cidr::V4(bits & mask, mask), bits & !mask != 0))
            }
            IpAddr::V6(ip) => {
                let mask = mask.map_or(Some(u128::MAX), mask_v6)?;
                let bits = ip.to_bits();
                Some((Cidr::V6(bits & mask, mask), bits & !mask != 0))
            }
        }
    }

    /// The network of one address.
    pub fn of(ip: IpAddr) -> Cidr {
        match ip {
            IpAddr::V4(ip) => Cidr::V4(ip.to_bits(), u32::MAX),
            IpAddr::V6(ip) => Cidr::V6(ip.to_bits(), u128::MAX),
        }
    }

    /// Whether the address is one of the set.
    pub fn contains(&self, address: &Address) -> bool {
        match (self, address.ip().map(|ip| ip.to_canonical())) {
            (Cidr::V4(network, mask), Some(IpAddr::V4(ip))) => ip.to_bits() & mask == *network,
            (Cidr::V6(network, mask), Some(IpAddr::V6(ip))) => ip.to_bits() & mask == *network,
            (Cidr::Unix, None) => true,
            _ => false,
        }
    }
}

fn mask_v4(text: &str) -> Option<u32> {
    match text.parse::<u32>() {
        Ok(length @ 0..=32) => Some(u32::MAX.checked_shl(32 - length).unwrap_or(0)),
        Ok(_) => None,
        Err(_) => text.parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits),
    }
}

fn mask_v6(text: &str) -> Option<u128> {
    match text.parse::<u32>() {
        Ok(length @ 0..=128) => Some(u128::MAX.checked_shl(128 - length).unwrap_or(0)),
        Ok(_) => None,
        Err(_) => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        let (cidr, _) = Cidr::parse(network).expect("a network");
        cidr.contains(&Address::parse(address, 80).expect("an address"))
    }

    #[test]
    fn an_address_is_in_the_networks_that_share_its_first_bits() {
        assert!(holds("10.0.0.0/8", "10.1.2.3"));
        assert!(!holds("10.0.0.0/8", "11.1.2.3"));
        assert!(holds("10.0.0.0/255.0.0.0", "10.1.2.3"));
        assert!(holds("0.0.0.0/0", "9.9.9.9"));
        assert!(!holds("0.0.0.0/0", "[::1]"));
        assert!(holds("::/0", "[2001::1]"));
        assert!(holds("127.0.0.1", "[::ffff:127.0.0.1]"));
        assert!(holds("unix:", "unix:/a") && !holds("unix:", "127.0.0.1"));
    }

    #[test]
    fn bits_behind_the_mask_are_told_and_taken_away() {
        assert_eq!(Cidr::parse("10.0.0.1/8"), Some((Cidr::V4(10 << 24, 255 << 24), true)));
        assert_eq!(Cidr::parse("10.0.0.1/33"), None);
        assert_eq!(Cidr::parse("somewhere"), None);
    }
}
