//! Tables from addresses to values: networks, and ranges.
//!
//! *In nginx* a radix tree each for IPv4 and IPv6 networks; for `ranges` 65,536 arrays of them, one for each
//! upper half of an address.
//!
//! *Here* networks are kept by the length of their prefix: one hash table for each length that occurs, the
//! longest first, so the first hit is the narrowest network. Ranges lie in an ordered map by their first
//! address and never overlap, since a new one is cut out of the one around it.
//!
//! ```text
//!   networks   /32 {…}  /24 {192.0.2.0 ▸ test}  /8 {127.0.0.0 ▸ loopback}  /0 {…}
//!   ranges     [127.0.0.0 ─ old ─────────────── .255]  + [.1 new .2]  =  [.0 old][.1 new .2][.3 old .255]
//! ```
//!
//! *Read next*: `mod.rs`.

use crate::buf::Slice;
use crate::util::cidr::Cidr;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// Networks of one kind of address, as numbers.
#[derive(Debug, Default)]
struct Prefixes {
    /// Mask and networks, narrow masks (large numbers) first.
    by_mask: Vec<(u128, HashMap<u128, Slice>)>,
}

impl Prefixes {
    fn slot(&mut self, mask: u128) -> Option<&mut HashMap<u128, Slice>> {
        let at = match self.by_mask.binary_search_by(|(other, _)| mask.cmp(other)) {
            Ok(at) => at,
            Err(at) => {
                self.by_mask.insert(at, (mask, HashMap::new()));
                at
            }
        };
        self.by_mask.get_mut(at).map(|(_, networks)| networks)
    }

    fn insert(&mut self, network: u128, mask: u128, value: Slice) -> Option<Slice> {
        self.slot(mask)?.insert(network, value)
    }

    fn remove(&mut self, network: u128, mask: u128) -> Option<Slice> {
        self.slot(mask)?.remove(&network)
    }

    fn find(&self, address: u128) -> Option<&Slice> {
        self.by_mask.iter().find_map(|(mask, networks)| networks.get(&(address & mask)))
    }
}

/// Values by network.
#[derive(Debug, Default)]
pub struct Networks {
    v4: Prefixes,
    v6: Prefixes,
}

impl Networks {
    /// Gives a network a value, and gives back the one it had. Unix sockets have none.
    pub fn insert(&mut self, network: Cidr, value: Slice) -> Option<Slice> {
        match network {
            Cidr::V4(network, mask) => self.v4.insert(network.into(), mask.into(), value),
            Cidr::V6(network, mask) => self.v6.insert(network, mask, value),
            Cidr::Unix => None,
        }
    }

    /// Forgets a network, and gives back its value.
    pub fn remove(&mut self, network: Cidr) -> Option<Slice> {
        match network {
            Cidr::V4(network, mask) => self.v4.remove(network.into(), mask.into()),
            Cidr::V6(network, mask) => self.v6.remove(network, mask),
            Cidr::Unix => None,
        }
    }

    /// The value of the narrowest network with this address.
    pub fn find(&self, address: IpAddr) -> Option<&Slice> {
        match address.to_canonical() {
            IpAddr::V4(ip) => self.v4.find(ip.to_bits().into()),
            IpAddr::V6(ip) => self.v6.find(ip.to_bits()),
        }
    }
}

/// What became of a range.
#[derive(Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// It was there with this value, which was replaced.
    Replaced(Slice),
    /// It lies across the end of this one, which is an error.
    Overlaps(Ipv4Addr, Ipv4Addr),
}

/// Values by range of IPv4 addresses.
#[derive(Debug, Default)]
pub struct Ranges {
    by_start: BTreeMap<u32, (u32, Slice)>,
}

impl Ranges {
    /// Adds a range; both ends belong to it. It may lie inside an earlier one, which then keeps what is left.
    pub fn add(&mut self, start: u32, end: u32, value: Slice) -> Added {
        let around = self.by_start.range(..=end).next_back();
        let Some((&from, (to, old))) = around.filter(|(_, (to, _))| *to >= start) else {
            self.by_start.insert(start, (end, value));
            return Added::New;
        };
        let (to, old) = (*to, old.clone());
        if (from, to) == (start, end) {
            self.by_start.insert(start, (end, value));
            return Added::Replaced(old);
        }
        if start < from || end > to {
            return Added::Overlaps(from.into(), to.into());
        }
        if let Some(before) = start.checked_sub(1).filter(|before| *before >= from) {
            self.by_start.insert(from, (before, old.clone()));
        }
        if let Some(after) = end.checked_add(1).filter(|after| *after <= to) {
            self.by_start.insert(after, (to, old));
        }
        self.by_start.insert(start, (end, value));
        Added::New
    }

    /// Forgets a range; says whether exactly this one was there.
    pub fn remove(&mut self, start: u32, end: u32) -> bool {
        let there = self.by_start.get(&start).is_some_and(|(to, _)| *to == end);
        if there {
            self.by_start.remove(&start);
        }
        there
    }

    /// The value of the range with this address.
    pub fn find(&self, address: Ipv4Addr) -> Option<&Slice> {
        let bits = address.to_bits();
        let (_, (end, value)) = self.by_start.range(..=bits).next_back()?;
        (*end >= bits).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(u32, u32, &'static str)]) -> Ranges {
        let mut ranges = Ranges::default();
        for (start, end, value) in list {
            ranges.add(*start, *end, (*value).into());
        }
        ranges
    }

    fn row(ranges: &Ranges, addresses: std::ops::Range<u32>) -> String {
        let value = |bits: u32| ranges.find(bits.into()).map_or("-".into(), ToString::to_string);
        addresses.map(value).collect()
    }

    #[test]
    fn a_range_is_cut_out_of_the_one_around_it() {
        assert_eq!(row(&ranges(&[(1, 6, "a"), (3, 4, "b")]), 0..8), "-aabbaa-");
        assert_eq!(row(&ranges(&[(1, 6, "a"), (1, 2, "b")]), 0..8), "-bbaaaa-");
        assert_eq!(row(&ranges(&[(1, 6, "a"), (5, 6, "b")]), 0..8), "-aaaabb-");
        assert_eq!(row(&ranges(&[(4, 6, "a"), (1, 3, "b")]), 0..8), "-bbbaaa-");
        let last = ranges(&[(0, u32::MAX, "a"), (u32::MAX, u32::MAX, "b")]);
        assert_eq!(last.find(Ipv4Addr::BROADCAST).map(ToString::to_string).as_deref(), Some("b"));
    }

    #[test]
    fn ranges_are_replaced_and_removed_only_as_they_are() {
        let mut ranges = ranges(&[(2, 5, "a")]);
        assert_eq!(ranges.add(2, 5, "b".into()), Added::Replaced("a".into()));
        assert_eq!(ranges.add(1, 3, "c".into()), Added::Overlaps(2.into(), 5.into()));
        assert_eq!(ranges.add(1, 9, "c".into()), Added::Overlaps(2.into(), 5.into()));
        assert!(!ranges.remove(2, 4));
        assert!(ranges.remove(2, 5));
        assert_eq!(row(&ranges, 0..8), "--------");
    }

    #[test]
    fn the_narrowest_network_wins() {
        let mut networks = Networks::default();
        for (text, value) in
            [("0.0.0.0/0", "all"), ("10.0.0.0/8", "ten"), ("10.1.0.0/16", "one"), ("::1", "v6")]
        {
            networks.insert(Cidr::parse(text).expect("a network").0, value.into());
        }
        let find =
            |address: &str| networks.find(address.parse().expect("an address")).map(ToString::to_string);
        let rows = ["10.1.2.3", "10.2.0.0", "11.0.0.0", "::ffff:10.1.0.1", "::1", "::2"];
        let found = rows.map(|address| find(address).unwrap_or_default());
        assert_eq!(found, ["one", "ten", "all", "one", "v6", ""]);
    }
}
