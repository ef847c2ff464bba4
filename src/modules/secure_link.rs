//! `secure_link`: links that only we can have made, and that end.
//!
//! *In nginx* `ngx_http_secure_link_module`.
//!
//! *Here* the same two ways. The old one (`secure_link_secret`) has a hash of the rest of the path and a word
//! in the path itself. The newer one hashes whatever text the configuration says, with an end of the link in
//! it if wanted; `$secure_link` tells what came of it.
//!
//! ```text
//!   /p/0123…cdef/file    md5("file" secret) = 0123…cdef     $secure_link = "file", or nothing
//!   ?md5=…&expires=…     secure_link $arg_md5,$arg_expires; $secure_link = "1", "0" (too late), or nothing
//!                        secure_link_md5 "$arg_expires$uri secret";
//! ```
//!
//! MD5 is what the links of others are made with; the secret keeps a stranger from making one.
//!
//! *Read next*: `util/base64.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope, Setting};
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::vars::{Definition, Template, definition};
use crate::log::clock;
use crate::util::base64;
use md5::{Digest, Md5};

/// The configuration of a level.
#[derive(Default)]
pub struct SecureLink {
    link: Setting<Option<Template>>,
    md5: Setting<Option<Template>>,
    secret: Setting<Vec<u8>>,
}

impl Conf for SecureLink {
    const SCOPE: Scope = Scope::Location;
    crate::conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        if self.secret.is_set() && (self.link.is_set() || self.md5.is_set()) {
            let mixed = "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
            return Err(mixed.to_owned());
        }
        // The old way does not inherit the new one, and the other way round.
        if !self.secret.is_set() {
            self.link.merge(&parent.link);
            self.md5.merge(&parent.md5);
        }
        if !self.link.is_set() && !self.md5.is_set() {
            self.secret.merge(&parent.secret);
        }
        Ok(())
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule { variables: Some(variables), ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_secure_link",
    directives: &[
        Directive::of("secure_link", LEVELS, Args::Exactly(1))
            .doc("Where the hash of the link stands, and behind a comma the second it ends in.")
            .set(|cx, line| template(cx, line, |conf| &mut conf.link)),
        Directive::of("secure_link_md5", LEVELS, Args::Exactly(1))
            .doc("The text whose hash the link must have.")
            .set(|cx, line| template(cx, line, |conf| &mut conf.md5)),
        Directive::of("secure_link_secret", LOCATION, Args::Exactly(1))
            .doc("A secret word; the second part of the path is the hash of what follows it and of the word.")
            .set(|cx, line| line.string(&mut cx.conf::<SecureLink>().secret)),
    ],
};

fn template(
    cx: &mut Cx,
    line: &Line,
    field: fn(&mut SecureLink) -> &mut Setting<Option<Template>>,
) -> Result<(), ConfError> {
    let template = Template::compile(cx, line, line.arg(0)?)?;
    line.store(field(cx.conf::<SecureLink>()), Some(template))
}

/// When the link of this request ends, as the link says it.
struct Expires(Slice);

fn secure_link(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Slice> {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<SecureLink>();
    if conf.secret.is_set() {
        return old_way(x, r, &conf.secret);
    }
    let (Some(link), Some(text)) = (conf.link.as_ref(), conf.md5.as_ref()) else { return None };
    let given = link.eval(x, r, io);
    let (hash, expires) = match memchr::memchr(b',', &given) {
        Some(comma) => (given.slice(0..comma), Some(given.slice(comma + 1..given.len()))),
        None => (given.clone(), None),
    };
    let mut late = false;
    if let Some(expires) = expires {
        let second = parse_number(&expires).and_then(|second| i64::try_from(second).ok())?;
        if second == 0 {
            return None;
        }
        late = second < clock::seconds();
        x[r].ctx.set(Expires(expires));
    }
    if hash.len() > 24 {
        return None;
    }
    let hash = base64::decode_url(&hash)?;
    let text = text.eval(x, r, io);
    (Md5::digest(&text[..])[..] == hash[..]).then(|| if late { "0" } else { "1" }.into())
}

/// `/prefix/hash/link`: the link, if the hash is right.
fn old_way(x: &Exchange, r: RequestIx, secret: &[u8]) -> Option<Slice> {
    let uri = &x[r].unparsed_uri;
    let start = memchr::memchr(b'/', uri.get(1..)?)? + 2;
    let length = memchr::memchr(b'/', uri.get(start..)?)?;
    let link = start + length + 1;
    let hash = uri.get(start..start + length).filter(|hash| hash.len() == 32)?;
    let text = uri.get(link..).filter(|link| !link.is_empty())?;
    let digest = Md5::new().chain_update(text).chain_update(secret).finalize();
    let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hash.eq_ignore_ascii_case(expected.as_bytes()).then(|| uri.slice(link..uri.len()))
}

fn variables() -> Vec<(&'static str, Definition)> {
    let expires =
        |x: &mut Exchange, r: RequestIx, _: &mut Io| x[r].ctx.get::<Expires>().map(|end| end.0.clone());
    vec![("secure_link", definition(secure_link)), ("secure_link_expires", definition(expires).volatile())]
}
