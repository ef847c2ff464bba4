//! A request as protocols and balancers see it.
//!
//! *In nginx* both get the request itself.
//!
//! *Here* [`View`] implements the two narrow traits they ask for:
//! [`protocol::Request`](crate::protocol::Request) and [`balance::Client`].
//! Whether fields and body are passed on at all is settled here, so that no protocol has to know
//! `NAME_pass_request_headers`.
//!
//! *Read next*: `init.rs`, which makes one.

use super::cache;
use crate::balance;
use crate::buf::Slice;
use crate::conf::template::{Template, VarIx};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::{Known, Passed};
use crate::http::io::Io;
use crate::http::{body, vars};
use crate::parse::list;
use crate::protocol::{Body, Out, Request, Target};
use crate::util::address::Address;
use std::rc::Rc;

/// A request and what it takes to answer questions about it.
pub struct View<'a> {
    x: &'a mut Exchange,
    r: RequestIx,
    io: &'a mut Io,
    passes_fields: bool,
    passes_body: bool,
    target: Rc<Target>,
    /// The fields that are passed on in place of the client's, if they are others.
    pub fields: Option<Vec<(Slice, Slice)>>,
}

impl<'a> View<'a> {
    /// A view of a request that has an upstream, with the client's own fields.
    pub fn of(x: &'a mut Exchange, r: RequestIx, io: &'a mut Io) -> Option<View<'a>> {
        let u = x[r].upstream.as_deref()?;
        let (passes_fields, passes_body) = (*u.conf.pass_request_headers, *u.conf.pass_request_body);
        let target = u.target.clone();
        Some(View { x, r, io, passes_fields, passes_body, target, fields: None })
    }
}

impl Request for View<'_> {
    fn method(&self) -> &[u8] {
        if cache::serve::asks_get(self.x, self.r) { b"GET" } else { &self.x[self.r].method_name }
    }

    fn http_version(&self) -> u16 {
        self.x[self.r].http_version
    }

    fn unparsed_uri(&self) -> Option<Slice> {
        let request = &self.x[self.r];
        request.flags.valid_unparsed_uri.then(|| request.unparsed_uri.clone())
    }

    fn uri(&self) -> Slice {
        self.x[self.r].uri.clone()
    }

    fn args(&self) -> Slice {
        self.x[self.r].args.clone()
    }

    fn must_escape(&self) -> bool {
        let flags = &self.x[self.r].flags;
        flags.quoted_uri || flags.internal
    }

    fn rewritten_in_place(&self) -> bool {
        self.x[self.r].flags.rewritten_in_place
    }

    fn field(&self, at: usize) -> Option<(&[u8], &[u8])> {
        if let Some(fields) = &self.fields {
            return fields.get(at).map(|(name, value)| (&name[..], &value[..]));
        }
        if !self.passes_fields {
            return None;
        }
        let field = self.x[self.r].headers_in.at(at)?;
        Some((field.name, field.value))
    }

    fn pass_fields(&self, withheld: u32, passes: &dyn Fn(&[u8]) -> bool, out: &mut Out) {
        if let Some(fields) = &self.fields {
            let goes = |name: &[u8]| Known::of(name).is_passed(withheld, || passes(name));
            fields.iter().filter(|(name, _)| goes(name)).for_each(|(name, value)| out.field(name, value));
        } else if self.passes_fields {
            self.x[self.r].headers_in.pass(withheld, passes, |part| match part {
                Passed::Lines(lines) => out.write(lines),
                Passed::Field(field) => out.field(field.name, field.value),
            });
        }
    }

    fn has_connection(&self) -> bool {
        self.fields.is_some() || self.x[self.r].headers_in.has(Known::Connection)
    }

    fn body(&self) -> Body {
        if !self.passes_body {
            return Body::None;
        }
        let Some(body) = body::of(self.x, self.r) else { return Body::None };
        if body.complete {
            // What a subrequest reads of its parent's body may have been taken already; its length has
            // not changed.
            return Body::Length(body.received);
        }
        match body.chunked {
            Some(_) => Body::Chunked,
            None => Body::Length(body.received.saturating_add(body.rest)),
        }
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn eval(&mut self, template: &Template) -> Slice {
        template.eval(self.x, self.r, self.io)
    }

    fn var(&mut self, name: &str) -> Option<Slice> {
        vars::by_name(self.x, self.r, self.io, name.as_bytes())
    }

    fn matched(&mut self, groups: Vec<Option<Slice>>, named: &[(usize, VarIx)]) {
        for (group, ix) in named {
            let value = groups.get(*group).cloned().flatten().unwrap_or_default();
            vars::store(self.x, *ix, Some(value));
        }
        self.x[self.r].captures = groups;
    }
}

/// The client of a subrequest is that of the main request: its address, and the cookies it sent.
impl balance::Client for View<'_> {
    fn eval(&mut self, text: &Template) -> Slice {
        text.eval(self.x, self.r, self.io)
    }

    fn address(&self) -> Address {
        self.io.net.table.get(self.x.client.conn).map_or(Address::NONE, |c| c.peer.clone())
    }

    fn cookie(&self, name: &[u8]) -> Option<Vec<u8>> {
        let all = self.x.main().headers_in.all(Known::Cookie);
        list::find_in_all(all, name).map(<[u8]>::to_vec)
    }
}
