//! Sets of content types: for which responses a filter is meant.
//!
//! *In nginx* `ngx_http_types_slot` and `ngx_http_test_content_type`, used by `gzip_types`, `charset_types`,
//! `sub_filter_types`, `ssi_types` and their like.
//!
//! *Here* a list that always has `text/html`, or everything by `*`. A type is compared without its parameters
//! and without regard to case.
//!
//! *Read next*: `gzip.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::merge::Setting;
use crate::conf::tree::Line;

/// A set of content types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MimeTypes {
    /// Every type (`*`).
    Any,
    /// These, in lower case.
    List(Vec<Vec<u8>>),
}

impl MimeTypes {
    /// The set of a directive that was not given.
    pub fn of(types: &[&str]) -> MimeTypes {
        MimeTypes::List(types.iter().map(|kind| kind.as_bytes().to_vec()).collect())
    }

    /// Only `text/html`.
    pub fn html() -> MimeTypes {
        MimeTypes::of(&["text/html"])
    }

    /// True if a response of this type is meant; one without a type is only by `*`.
    pub fn contains(&self, content_type: Option<&Slice>) -> bool {
        let MimeTypes::List(list) = self else { return true };
        let Some(content_type) = content_type else { return false };
        let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
        let bare = content_type.get(..end).unwrap_or_default().trim_ascii();
        list.iter().any(|kind| kind.eq_ignore_ascii_case(bare))
    }

    /// Stores the words of a `*_types` directive. Several lines of one level add up.
    pub fn set<F>(cx: &mut Cx, line: &Line, setting: F)
    where
        F: for<'x, 'y> Fn(&'x mut Cx<'y>) -> &'x mut Setting<MimeTypes>,
    {
        let known = setting(cx);
        let mut set = if known.is_set() { (**known).clone() } else { MimeTypes::html() };
        for arg in &line.args {
            let kind = arg.to_ascii_lowercase();
            match &mut set {
                MimeTypes::Any => {}
                _ if arg.is("*") => set = MimeTypes::Any,
                MimeTypes::List(list) if list.contains(&kind) => {
                    cx.warn(&line.at, format_args!("duplicate MIME type \"{arg}\""));
                }
                MimeTypes::List(list) => list.push(kind),
            }
        }
        setting(cx).set(set);
    }
}
