//! The name servers of the machine.
//!
//! *In nginx* they are never asked at run time: a `resolve` line without a `resolver` is an error, and
//! people write scripts that copy the address from `/etc/resolv.conf` into the configuration.
//!
//! *Here* that file is read once, with the configuration, for `resolve` lines only. DIFF: nginx's error is
//! left for machines without such a file. `search`, `options` and `/etc/hosts` are not looked at: names in
//! a configuration are whole.
//!
//! *Read next*: `directives.rs`.

use super::Nameservers;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// Where the C library looks, too.
const FILE: &str = "/etc/resolv.conf";

/// The machine's name servers. None if it has none.
pub fn nameservers() -> Option<Rc<Nameservers>> {
    let servers = parse(&std::fs::read_to_string(FILE).ok()?);
    (!servers.is_empty()).then(|| Rc::new(Nameservers::new(servers)))
}

fn parse(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok());
    addresses.map(|ip| SocketAddr::new(ip, 53)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lines_that_name_servers_are_read() {
        let text =
            "# nameserver 1.1.1.1\nnameserver 10.0.0.1 # first\n nameserver\t::1\nsearch a\nnameserver x\n";
        let texts: Vec<String> = super::parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.1:53", "[::1]:53"]);
    }
}
