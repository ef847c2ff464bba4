//! The store of a cache: files under their keys, and an index of them that all workers share.
//!
//! *In nginx* the lower half of `ngx_http_file_cache.c`: `ngx_http_file_cache_t` with its red-black tree and
//! queue in the keys zone, the cache manager and the cache loader.
//!
//! *Here* what knows no HTTP: a [`Store`] is one `proxy_cache_path` line. A [`Key`] is the MD5 of the key's
//! text; the file's [head](FileHead) has the text itself, so two texts with one MD5 are a miss and nothing
//! else. A record of the index only says what is likely: whoever opens the file finds out, and says
//! [`Store::forget`] if it is gone. So no record is ever pinned, any may be evicted at any time, and a
//! worker that is killed leaves nothing behind that another has to clean up. Which replies may be stored,
//! for how long, and what is done with a stale one is not decided here.
//!
//! ```text
//!   touch ─▶ may exist ─▶ open, FileHead::read ─▶ serve                   manager: inactive, max_size,
//!     └─▶ no ─▶ lock ─▶ temp_file ─▶ … ─▶ publish (rename) ─▶ stored ─▶ unlock   min_free, full zone
//!                          └─▶ remember(404) without a file               loader: files of an earlier life
//! ```
//!
//! *Read next*: `records.rs` (the index), `head.rs` (the file), `path.rs` (the directive).

mod files;
mod head;
#[cfg(test)]
mod head_tests;
#[cfg(test)]
mod keeping_tests;
pub mod loader;
pub mod manager;
mod path;
mod records;
#[cfg(test)]
mod store_tests;

pub use head::{Damage, FileHead, LONGEST_TAG};
pub use path::{Levels, PathConf, finish, set};
pub use records::{Lock, Touched};

use crate::conf::build::Cx;
use crate::conf::error::{ConfError, Place};
use crate::conf::merge::{Conf, Scope};
use crate::conf::tree::Line;
use crate::conf::zone::Zone;
use md5::{Digest, Md5};
use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

/// What a file is stored under: the MD5 of the key's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The key of this text, which is what the parts of `NAME_cache_key` add up to.
    pub fn of(text: &[u8]) -> Key {
        Key(Md5::digest(text).into())
    }

    /// A key that was worked out elsewhere: that of a variant (`Vary`).
    pub fn from_bytes(bytes: [u8; 16]) -> Key {
        Key(bytes)
    }

    /// The sixteen bytes.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// As a file is named: 32 digits, lower case.
    pub fn hex(&self) -> String {
        self.to_string()
    }

    /// The other way round; None for anything but 32 lower-case digits.
    pub fn from_hex(name: &[u8]) -> Option<Key> {
        let name: &[u8; 32] = name.try_into().ok()?;
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 16];
        let (pairs, _) = name.as_chunks::<2>();
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Key(bytes))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One cache: a folder of files and a zone that knows them (directive `NAME_cache_path`).
#[derive(Debug)]
pub struct Store {
    zone: Rc<Zone>,
    /// What its line says; empty while only its name has been used.
    conf: OnceCell<PathConf>,
    /// Who used its name first, for the complaint that there is no such line.
    wanted: Option<(String, Place)>,
    /// The block size of the file system, once it was asked for.
    block: OnceCell<u64>,
}

/// The stores of a configuration.
#[derive(Default)]
pub struct Stores {
    list: RefCell<Vec<Rc<Store>>>,
}

impl Conf for Stores {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

impl Stores {
    /// All of them, in the order of their first mention.
    pub fn all(&self) -> Vec<Rc<Store>> {
        self.list.borrow().clone()
    }
}

/// The store that a line such as `proxy_cache NAME` means. It may be declared further down.
///
/// # Errors
/// The zone has another use. That no line declares it, is found by [`finish`].
pub fn named(cx: &mut Cx, line: &Line, name: &[u8]) -> Result<Rc<Store>, ConfError> {
    let directive = line.name.as_str()?.to_owned();
    // A zone belongs to one protocol, as a module owns it in nginx.
    let prefix = directive.split_once("_cache").map_or("", |(prefix, _)| prefix).to_owned();
    let name = std::str::from_utf8(name).map_err(|_| line.directive_err("has an invalid zone name"))?;
    find(cx, line, name, None, &prefix, Some((directive, line.at.clone())))
}

fn find(
    cx: &mut Cx,
    line: &Line,
    name: &str,
    bytes: Option<u64>,
    prefix: &str,
    wanted: Option<(String, Place)>,
) -> Result<Rc<Store>, ConfError> {
    let zone = cx.zone(line, name, bytes, path::tag(prefix))?;
    let list = cx.conf::<Stores>().list.get_mut();
    if let Some(store) = list.iter().find(|store| Rc::ptr_eq(&store.zone, &zone)) {
        return Ok(store.clone());
    }
    let store = Rc::new(Store { zone, conf: OnceCell::new(), wanted, block: OnceCell::new() });
    list.push(store.clone());
    Ok(store)
}

impl Store {
    /// The name of its zone.
    pub fn name(&self) -> &str {
        self.zone.name()
    }

    /// What its line says. None only while the configuration is being read.
    pub fn conf(&self) -> Option<&PathConf> {
        self.conf.get()
    }
}
