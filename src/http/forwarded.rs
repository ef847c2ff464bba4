//! The client's address behind proxies one trusts.
//!
//! *In nginx* `ngx_http_get_forwarded_addr`, used by `geo` and `realip`.
//!
//! *Here* a pure function. Each proxy appends the address it saw to a list (`X-Forwarded-For`). The list is
//! believed from its end, as long as the one who said it is trusted: what an untrusted client put in front is
//! never looked at.
//!
//! ```text
//!   X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.2      peer 10.0.0.1      trusted 10.0.0.0/8
//!                             ▲        ▲ said by 10.0.0.1, which is trusted
//!                             └ said by 10.0.0.2, also trusted (only if recursive) ─▶ the client is 2.2.2.2
//! ```
//!
//! *Read next*: `modules/geo.rs`, `modules/realip.rs`.

use crate::util::address::Address;
use crate::util::cidr::Cidr;
use std::net::{IpAddr, SocketAddr};

/// The address that the list tells, if `peer` is trusted; None if the peer's own address is to be used.
/// `values` are those of all fields, in their order.
pub fn forwarded(peer: &Address, values: &[&[u8]], trusted: &[Cidr], recursive: bool) -> Option<Address> {
    let is_trusted = |address: &Address| trusted.iter().any(|network| network.contains(address));
    let mut found: Option<Address> = None;
    for value in values.iter().rev() {
        let mut rest = *value;
        while let Some((before, word)) = last_word(rest) {
            if !is_trusted(found.as_ref().unwrap_or(peer)) {
                return found;
            }
            match parse(word) {
                Some(address) => found = Some(address),
                None => return found,
            }
            if !recursive {
                return found;
            }
            rest = before;
        }
    }
    found
}

/// Splits the last word off; commas and blanks are between words.
fn last_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let between = |b: &u8| matches!(b, b' ' | b',');
    let end = text.iter().rposition(|b| !between(b))? + 1;
    let text = text.get(..end)?;
    let start = text.iter().rposition(between).map_or(0, |at| at + 1);
    text.split_at_checked(start)
}

/// An address with or without a port; IPv6 with or without brackets.
pub fn parse(word: &[u8]) -> Option<Address> {
    let word = std::str::from_utf8(word).ok()?;
    let bare = word.parse::<IpAddr>().ok().map(|ip| Address::Ip(SocketAddr::new(ip, 0)));
    bare.or_else(|| Address::parse(word, 0)).filter(|address| !address.is_unix())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, values: &[&str], recursive: bool) -> Option<String> {
        let trusted =
            [Cidr::parse("10.0.0.0/8"), Cidr::parse("unix:")].map(|cidr| cidr.expect("a network").0);
        let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
        let peer = Address::parse(peer, 0).expect("an address");
        forwarded(&peer, &values, &trusted, recursive).map(|address| address.host_text())
    }

    #[test]
    fn the_list_is_believed_from_its_end_while_its_tellers_are_trusted() {
        let list = &["1.1.1.1, 2.2.2.2, 10.0.0.2"];
        assert_eq!(client("10.0.0.1", list, true).as_deref(), Some("2.2.2.2"));
        assert_eq!(client("10.0.0.1", list, false).as_deref(), Some("10.0.0.2"));
        assert_eq!(client("9.9.9.9", list, true), None);
        assert_eq!(client("unix:/s", &["[::1]:80 ,"], true).as_deref(), Some("::1"));
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "10.0.0.3"], true).as_deref(), Some("1.1.1.1"));
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "10.0.0.3"], false).as_deref(), Some("10.0.0.3"));
        assert_eq!(client("10.0.0.1", &["2.2.2.2, x, 10.0.0.3"], true).as_deref(), Some("10.0.0.3"));
        assert_eq!(client("10.0.0.1", &["x"], true), None);
        assert_eq!(client("10.0.0.1", &[], true), None);
    }
}
