//! Requests of one session go to one peer.
//!
//! *In nginx* `sticky`, in the free edition since 1.29.6: `cookie` gives the client the peer's name (MD5 of
//! its address, or `route=`) in a cookie; `route` finds that name in variables; `learn` remembers which
//! peer made a session, in a zone all workers share.
//!
//! *Here* each kind answers one question, which peer's name (`sid`) a request is bound to; the group then
//! asks that peer if it may be asked, drained or not, and otherwise lets the method choose. A bound choice
//! leaves the running weights alone. Learned sessions are four numbers each (two of the key, one of the
//! peer, the second of the last use) in buckets of eight; a full bucket gives up the session unused for
//! longest. The hash is keyed anew at each start, so that clients cannot aim at a bucket.
//!
//! ```text
//!   cookie:  pick ◀─ sid=… ─ client       header ─▶ Set-Cookie: sid=…      always, so that it is renewed
//!   learn:   pick ◀─ lookup               header or end ─ create ─▶ session → peer
//! ```
//!
//! *Read next*: `group.rs` (who asks), `directives.rs` (the line).

use super::Client;
use super::peers::Peer;
use crate::buf::Slice;
use crate::conf::template::Template;
use crate::conf::zone::Zone;
use crate::log::clock::http_date;
use crate::sys::words::{Guard, Words};
use siphasher::sip::SipHasher13;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

/// `sticky`.
#[derive(Debug)]
pub enum Sticky {
    /// `sticky cookie`.
    Cookie(Cookie),
    /// `sticky route`: the first that is not empty counts.
    Route(Vec<Template>),
    /// `sticky learn`.
    Learn(Learn),
}

/// The cookie that names the peer.
#[derive(Debug)]
pub struct Cookie {
    /// Its name.
    pub name: Rc<[u8]>,
    /// `expires=`.
    pub expires: Expires,
    /// `domain=`.
    pub domain: Option<Template>,
    /// `path=`.
    pub path: Option<Template>,
    /// `secure`.
    pub secure: bool,
    /// `httponly`.
    pub httponly: bool,
    /// `samesite=`.
    pub samesite: Option<Template>,
}

/// How long a browser keeps the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    /// Until it is closed.
    Session,
    /// So many seconds.
    After(u64),
    /// As long as can be said.
    Max,
}

/// When a session may be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The reply's header has come.
    Header,
    /// The reply is complete.
    End,
}

/// `sticky learn`.
#[derive(Debug)]
pub struct Learn {
    /// `create=`: the session a reply makes.
    pub create: Vec<Template>,
    /// `lookup=`: the session of a request.
    pub lookup: Vec<Template>,
    /// `timeout=`, in seconds.
    pub timeout_s: u64,
    /// `header`, or the end of the reply.
    pub moment: Moment,
    /// The sessions.
    pub sessions: Sessions,
}

impl Sticky {
    /// The `sid` that the request names, if any.
    pub fn bound(&self, client: &mut dyn Client, now_ms: u64) -> Option<Bound> {
        match self {
            Sticky::Cookie(rules) => client.cookie(&rules.name).map(|sid| Bound::Sid(Rc::from(&sid[..]))),
            Sticky::Route(texts) => first(texts, client).map(|sid| Bound::Sid(Rc::from(&sid[..]))),
            Sticky::Learn(learn) => {
                let session = first(&learn.lookup, client)?;
                learn.sessions.find(&session, now_ms / 1000, learn.timeout_s).map(Bound::Sum)
            }
        }
    }

    /// Whether `peer` is the one that is meant.
    pub fn is(&self, bound: &Bound, peer: &Peer) -> bool {
        match (self, bound) {
            (_, Bound::Sid(sid)) => peer.sid() == sid,
            (Sticky::Learn(learn), Bound::Sum(sum)) => learn.sessions.sum(peer.sid()) == Some(*sum),
            _ => false,
        }
    }

    /// Remembers which peer made a session.
    pub fn learn(&self, peer: &Peer, client: &mut dyn Client, moment: Moment, now_ms: u64) {
        let Sticky::Learn(learn) = self else { return };
        if learn.moment == moment
            && let Some(session) = first(&learn.create, client)
        {
            learn.sessions.store(&session, peer.sid(), now_ms / 1000, learn.timeout_s);
        }
    }
}

/// Whom a request is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The peer of that name.
    Sid(Rc<[u8]>),
    /// The peer whose name has that sum.
    Sum(u64),
}

/// The first value that is not empty.
fn first(texts: &[Template], client: &mut dyn Client) -> Option<Slice> {
    texts.iter().map(|text| client.eval(text)).find(|value| !value.is_empty())
}

impl Cookie {
    /// The value of the Set-Cookie field that names `peer`; `now` in seconds since 1970.
    pub fn field(&self, peer: &Peer, client: &mut dyn Client, now: i64) -> Vec<u8> {
        let mut out = [&*self.name, b"=", peer.sid()].concat();
        match self.expires {
            Expires::Session => {}
            Expires::Max => out.extend(b"; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000"),
            Expires::After(seconds) => {
                let at = now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
                out.extend(format!("; expires={}; max-age={seconds}", cookie_date(at)).into_bytes());
            }
        }
        let mut add = |name: &[u8], text: &Option<Template>| {
            let value = text.as_ref().map(|text| client.eval(text)).filter(|value| !value.is_empty());
            // A value from the client must not add an attribute or a field.
            if let Some(value) = value.filter(|v| !v.iter().any(|b| matches!(b, b';' | 0..=31 | 127))) {
                out.extend([name, &value[..]].concat());
            }
        };
        add(b"; domain=", &self.domain);
        add(b"; path=", &self.path);
        out.extend_from_slice(if self.secure { b"; secure" } else { b"" });
        out.extend_from_slice(if self.httponly { b"; httponly" } else { b"" });
        let samesite = self.samesite.as_ref().map(|text| client.eval(text)).unwrap_or_default();
        out.extend_from_slice(match samesite.to_ascii_lowercase().as_slice() {
            b"" => b"",
            b"lax" => b"; samesite=lax",
            b"none" => b"; samesite=none",
            // NGINX: a variable with any other value is taken for the strictest.
            _ => b"; samesite=strict".as_slice(),
        });
        out
    }
}

/// `Thu, 31-Dec-37 23:55:55 GMT`: the date of Netscape's cookies, with a year of four digits from 2038 on.
fn cookie_date(seconds: i64) -> String {
    let date = http_date(seconds);
    let mut words = date.as_str().split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (weekday, day, month, year, time) = (next(), next(), next(), next(), next());
    let short = year.get(2..).filter(|_| ("1970".."2038").contains(&year)).unwrap_or(year);
    format!("{weekday} {day}-{month}-{short} {time} GMT")
}

/// Which peer made a session, for many sessions.
#[derive(Debug)]
pub struct Sessions {
    zone: Rc<Zone>,
}

/// Numbers in front of the sessions: the lock, and the four halves of two hash keys.
const HEAD: usize = 5;
/// Numbers of a session: two of its key, the peer's sum, the second of the last use.
const SESSION: usize = 4;
/// Sessions of a bucket.
const BUCKET: usize = 8;

/// The memory in use: locked, with its hash keys.
struct Open<'a> {
    words: &'a Words,
    keys: [(u64, u64); 2],
    _lock: Guard,
}

impl Sessions {
    /// Sessions in that zone.
    pub fn new(zone: Rc<Zone>) -> Sessions {
        Sessions { zone }
    }

    /// None before the zone is mapped.
    fn open(&self) -> Option<Open<'_>> {
        let words = self.zone.memory()?;
        let lock = words.lock(0);
        if words.get(1) == 0 {
            for at in 1..HEAD {
                words.set(at, RandomState::new().hash_one(at).max(1));
            }
        }
        let keys = [(words.get(1), words.get(2)), (words.get(3), words.get(4))];
        Some(Open { words, keys, _lock: lock })
    }

    /// The sum of the peer a session belongs to. Finding it counts as use.
    fn find(&self, session: &[u8], now: u64, timeout: u64) -> Option<u64> {
        let open = self.open()?;
        let at = open.same(open.key(session)).filter(|at| !open.is_over(*at, now, timeout))?;
        open.words.set(at + 3, now);
        Some(open.words.get(at + 2))
    }

    fn store(&self, session: &[u8], sid: &[u8], now: u64, timeout: u64) {
        let Some(open) = self.open() else { return };
        let key = open.key(session);
        let age = |at: &usize| match open.is_over(*at, now, timeout) {
            true => 0,
            false => open.words.get(at + 3).saturating_add(1),
        };
        let Some(at) = open.same(key).or_else(|| open.bucket(key).min_by_key(age)) else { return };
        for (offset, value) in [key.0, key.1, open.sum(sid), now].into_iter().enumerate() {
            open.words.set(at + offset, value);
        }
    }

    /// The sum of a peer's name; None before the zone is mapped.
    fn sum(&self, sid: &[u8]) -> Option<u64> {
        self.open().map(|open| open.sum(sid))
    }
}

impl Open<'_> {
    fn hash(&self, which: usize, bytes: &[u8]) -> u64 {
        let (a, b) = self.keys.get(which).copied().unwrap_or_default();
        SipHasher13::new_with_keys(a, b).hash(bytes)
    }

    /// Never zero, which means that a place is free.
    fn sum(&self, sid: &[u8]) -> u64 {
        self.hash(0, sid).max(1)
    }

    fn key(&self, session: &[u8]) -> (u64, u64) {
        (self.hash(0, session), self.hash(1, session))
    }

    /// Where that session is.
    fn same(&self, key: (u64, u64)) -> Option<usize> {
        self.bucket(key).find(|at| (self.words.get(*at), self.words.get(at + 1)) == key)
    }

    fn is_over(&self, at: usize, now: u64, timeout: u64) -> bool {
        self.words.get(at + 2) == 0 || now.saturating_sub(self.words.get(at + 3)) > timeout
    }

    /// Where the sessions of a key's bucket begin.
    fn bucket(&self, key: (u64, u64)) -> impl Iterator<Item = usize> + use<> {
        let buckets = (self.words.all().len().saturating_sub(HEAD) / (SESSION * BUCKET)).max(1);
        let bucket = usize::try_from(key.1 % buckets as u64).unwrap_or_default();
        (0..BUCKET).map(move |n| HEAD + (bucket * BUCKET + n) * SESSION)
    }
}
