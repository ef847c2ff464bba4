//! A request of one's own making, for a module to ask with.
//!
//! *In nginx* a request is a structure of some two hundred fields that only a client can bring about.
//!
//! *Here* a module sees a [`Request`] through a trait of a dozen questions, so a value that answers them
//! is a request. [`Asking`] has plain fields; a test sets those that matter to it.
//!
//! *Read next*: `listening.rs`.

use super::Configured;
use crate::buf::Slice;
use crate::conf::template::{Part, Template, VarIx};
use crate::protocol::{Body, Request, Target};
use std::collections::HashMap;

/// A request that says what the test wants it to say.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The method.
    pub method: Slice,
    /// 1000 or 1001, as [`Request::http_version`].
    pub http_version: u16,
    /// The path, decoded.
    pub uri: Slice,
    /// The arguments.
    pub args: Slice,
    /// Path and arguments as they came.
    pub unparsed_uri: Option<Slice>,
    /// Decoding changed the path.
    pub must_escape: bool,
    /// A rewrite changed the path in its location.
    pub rewritten_in_place: bool,
    /// The fields.
    pub fields: Vec<(Slice, Slice)>,
    /// The body.
    pub body: Body,
    /// Where it is passed to.
    pub target: Target,
    /// Variables by their names.
    pub variables: HashMap<Vec<u8>, Slice>,
    /// The names in templates; of [`Configured::names`].
    pub names: Vec<Vec<u8>>,
    /// `$1` … of the last match.
    pub groups: Vec<Option<Slice>>,
}

impl Asking {
    /// `GET` of a path, without fields or body, passed to `http://peer`.
    pub fn get(path: &str, configured: &Configured) -> Asking {
        let (uri, args) = path.split_once('?').unwrap_or((path, ""));
        let host = Slice::from("peer");
        Asking {
            method: Slice::from("GET"),
            http_version: 1001,
            uri: Slice::from(uri.to_owned()),
            args: Slice::from(args.to_owned()),
            unparsed_uri: Some(Slice::from(path.to_owned())),
            must_escape: false,
            rewritten_in_place: false,
            fields: Vec::new(),
            body: Body::None,
            target: Target { url: Slice::from("http://peer"), host, ..Target::default() },
            variables: HashMap::new(),
            names: configured.names.clone(),
            groups: Vec::new(),
        }
    }

    /// The same with another field.
    pub fn field(mut self, name: &str, value: &str) -> Asking {
        self.fields.push((Slice::from(name.to_owned()), Slice::from(value.to_owned())));
        self
    }

    /// The same with another variable.
    pub fn variable(mut self, name: &str, value: &str) -> Asking {
        self.variables.insert(name.as_bytes().to_vec(), Slice::from(value.to_owned()));
        self
    }

    fn named(&self, ix: VarIx) -> Slice {
        let name = self.names.get(ix.0 as usize);
        name.and_then(|name| self.variables.get(name)).cloned().unwrap_or_default()
    }
}

impl Request for Asking {
    fn method(&self) -> &[u8] {
        &self.method
    }

    fn http_version(&self) -> u16 {
        self.http_version
    }

    fn unparsed_uri(&self) -> Option<Slice> {
        self.unparsed_uri.clone()
    }

    fn uri(&self) -> Slice {
        self.uri.clone()
    }

    fn args(&self) -> Slice {
        self.args.clone()
    }

    fn must_escape(&self) -> bool {
        self.must_escape
    }

    fn rewritten_in_place(&self) -> bool {
        self.rewritten_in_place
    }

    fn field(&self, at: usize) -> Option<(&[u8], &[u8])> {
        self.fields.get(at).map(|(name, value)| (&name[..], &value[..]))
    }

    fn has_connection(&self) -> bool {
        self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"Connection"))
    }

    fn body(&self) -> Body {
        self.body
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn eval(&mut self, template: &Template) -> Slice {
        let Template::Parts(parts) = template else {
            return template.as_constant().cloned().unwrap_or_default();
        };
        let mut whole = Vec::new();
        for part in parts.iter() {
            let value = match part {
                Part::Text(text) => text.clone(),
                Part::Var(ix) => self.named(*ix),
                Part::Capture(n) => self.groups.get(*n).cloned().flatten().unwrap_or_default(),
            };
            whole.extend_from_slice(&value);
        }
        Slice::from(whole)
    }

    fn var(&mut self, name: &str) -> Option<Slice> {
        self.variables.get(name.as_bytes()).cloned()
    }

    fn matched(&mut self, groups: Vec<Option<Slice>>, named: &[(usize, VarIx)]) {
        for (group, ix) in named {
            if let (Some(name), Some(value)) = (self.names.get(ix.0 as usize), groups.get(*group)) {
                self.variables.insert(name.clone(), value.clone().unwrap_or_default());
            }
        }
        self.groups = groups;
    }
}
