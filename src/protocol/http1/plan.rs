//! What of a request is known before there is one.
//!
//! *In nginx* `ngx_http_proxy_init_headers`: the default fields and those of `proxy_set_header` become one
//! script, run for each request, and the names in it a hash that the client's fields are looked up in.
//!
//! *Here* a [`Plan`], made when the first request of a location asks for it. What stands in the
//! configuration as it will stand in the request is joined to one text, so a location with constant fields
//! writes everything but target, host and the client's fields with one copy. Only fields with variables
//! are left to be evaluated.
//!
//! ```text
//!   proxy_set_header Connection "";  X-Real-IP $remote_addr;  X-Via edge;
//!   Text " HTTP/1.1⏎Host: " │ Host │ Text "⏎" │ Field X-Real-IP │ Text "X-Via: edge⏎" │ client's … │ end
//! ```
//!
//! *Read next*: `request.rs`, which carries it out.

use super::conf::{Http1Location, Version, Which};
use crate::buf::Slice;
use crate::parse::known::Known;
use crate::parse::list;
use crate::protocol::text::one_line;
use std::cell::OnceCell;

/// A step of writing the head.
#[derive(Clone, Debug)]
pub enum Step {
    /// Bytes as they are.
    Text(Box<[u8]>),
    /// The host and port of the directive.
    Host,
    /// The line `proxy_set_header` of this place, whose value has variables.
    Field(usize),
}

/// How requests of a location are written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What stands between the target and the client's fields.
    pub steps: Vec<Step>,
    /// The same as one text for the host of the first request; None in it where a step has variables.
    joined: OnceCell<Option<(Slice, Vec<u8>)>>,
    /// What stands behind the client's fields.
    pub end: Vec<u8>,
    /// The client's fields that do not go: those that are set, ours to write, or end at this hop.
    pub withheld: Names,
    /// The request says that its connection ends with it.
    pub close: bool,
    /// It offers another protocol.
    pub upgrade: bool,
    /// It may have a body: no line takes Content-Length away.
    pub keeps_body: bool,
    /// The client's wish for trailers is passed on.
    pub passes_te: bool,
}

/// The names that are never the client's to give.
const NEVER: &[&str] = &[
    "Host",
    "Connection",
    "Content-Length",
    "Expect",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

impl Plan {
    /// The plan of a location.
    pub fn of(conf: &Http1Location) -> Plan {
        let is_old = *conf.http_version == Version::V10;
        let sets = |which| conf.set_headers.iter().any(|header| header.which == which);
        let mut plan = Plan {
            steps: Vec::new(),
            joined: OnceCell::new(),
            end: Vec::new(),
            withheld: Names::default(),
            close: is_old,
            upgrade: false,
            keeps_body: true,
            passes_te: *conf.pass_trailers && !is_old && !sets(Which::Connection) && !sets(Which::Te),
        };
        NEVER.iter().for_each(|name| plan.withheld.add(Slice::from(*name)));
        let mut text: Vec<u8> = if is_old { b" HTTP/1.0\r\n".to_vec() } else { b" HTTP/1.1\r\n".to_vec() };
        if !sets(Which::Host) {
            text.extend_from_slice(b"Host: ");
            plan.steps.push(Step::Text(std::mem::take(&mut text).into()));
            plan.steps.push(Step::Host);
            text.extend_from_slice(b"\r\n");
        }
        for (at, header) in conf.set_headers.iter().enumerate() {
            plan.withheld.add(header.name.clone());
            match header.value.as_constant() {
                Some(value) => {
                    let value = one_line(value.clone());
                    if plan.note(header.which, &value) && !value.is_empty() {
                        [&header.name, &b": "[..], &value, b"\r\n"]
                            .iter()
                            .for_each(|p| text.extend_from_slice(p));
                    }
                }
                None => {
                    if !text.is_empty() {
                        plan.steps.push(Step::Text(std::mem::take(&mut text).into()));
                    }
                    plan.steps.push(Step::Field(at));
                }
            }
        }
        if !text.is_empty() {
            plan.steps.push(Step::Text(text.into()));
        }
        // HTTP/1.1 means to be persistent; saying so again would be noise.
        if is_old && !sets(Which::Connection) {
            plan.end.extend_from_slice(b"Connection: close\r\n");
        }
        plan
    }

    /// All steps as one text, where they depend on the host and nothing else. A location has nearly always
    /// one host, for which this is worked out; for another one the steps have to be taken.
    pub fn text(&self, host: &Slice) -> Option<&[u8]> {
        let (known, text) = self.joined.get_or_init(|| self.join(host)).as_ref()?;
        // The same memory, which is held here: the same bytes.
        std::ptr::eq(&known[..], &host[..]).then_some(text)
    }

    fn join(&self, host: &Slice) -> Option<(Slice, Vec<u8>)> {
        let mut joined = Vec::new();
        for step in &self.steps {
            match step {
                Step::Text(text) => joined.extend_from_slice(text),
                Step::Host => joined.extend_from_slice(&one_line(host.clone())),
                Step::Field(_) => return None,
            }
        }
        Some((host.clone(), joined))
    }

    /// Notes what a constant value means for the request as a whole; false if it is not written.
    fn note(&mut self, which: Which, value: &[u8]) -> bool {
        match which {
            Which::ContentLength => self.keeps_body &= !value.is_empty(),
            Which::TransferEncoding => {}
            Which::Connection => self.close |= list::has_token(value, b"close"),
            Which::Upgrade => self.upgrade |= !value.is_empty(),
            _ => {}
        }
        !matches!(which, Which::ContentLength | Which::TransferEncoding)
    }
}

/// A few names, to be asked for without regard to case: those of known fields as bits, other ones as a list
/// that is nearly always short.
#[derive(Clone, Debug, Default)]
pub struct Names {
    known: u32,
    others: Vec<Slice>,
}

impl Names {
    fn add(&mut self, name: Slice) {
        match Known::of(&name) {
            Known::Other => self.others.push(name),
            known => self.known |= known.bit(),
        }
    }

    /// The bits of the known ones.
    pub fn known(&self) -> u32 {
        self.known
    }

    /// Whether a name that is not a known one is among them.
    pub fn has_other(&self, name: &[u8]) -> bool {
        self.others.iter().any(|other| other.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_nothing_else_is() {
        let mut names = Names::default();
        let long = "x".repeat(80);
        for name in ["Host", "Transfer-Encoding", "X-Real-IP", &long] {
            names.add(Slice::copy(name.as_bytes()));
        }
        for (name, found) in [
            ("hOST", true),
            ("transfer-encoding", true),
            ("x-Real-ip", true),
            (&*long.to_uppercase(), true),
            ("Hos", false),
            ("Most", false),
            ("Transfer-Xncoding", false),
            ("", false),
        ] {
            let name = name.as_bytes();
            let is_passed = Known::of(name).is_passed(names.known(), || !names.has_other(name));
            assert_eq!(!is_passed, found, "{}", name.escape_ascii());
        }
    }
}
