//! Where a peer sends the client, in the client's terms.
//!
//! *In nginx* `proxy_redirect` and `ngx_http_proxy_rewrite_redirect`.
//!
//! *Here* the value of Location, or the URL of Refresh, meets the rules in order; the first that fits
//! changes it. The default rule undoes what `proxy_pass` did: what begins with its URL begins with the
//! location's name for the client. With variables in `proxy_pass` there is nothing to undo.
//!
//! ```text
//!   location /one/ { proxy_pass http://peer/two/; }     Location: http://peer/two/x  ──▶  /one/x
//! ```
//!
//! *Read next*: `cookie.rs`.

use super::conf::Http1Location;
use super::rewrite::{Rule, What, prefix};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::protocol::Request;

/// The `proxy_redirect` lines of a level.
#[derive(Clone, Debug, Default)]
pub enum Redirects {
    /// None.
    #[default]
    Unset,
    /// `off`
    Off,
    /// Rules in order; None is `default`.
    List(Vec<Option<Rule>>),
}

/// `proxy_redirect off | default | PATTERN REPLACEMENT`
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let first = line.arg(0)?;
    let rule = match line.args.get(1) {
        None if first.is("off") => {
            let setting = &mut cx.conf::<Http1Location>().redirects;
            return line.store(setting, Redirects::Off);
        }
        None if first.is("default") => None,
        None => return Err(first.invalid_parameter(&["off", "default"])),
        Some(replacement) => Some(Rule {
            what: What::compile(cx, line, first, false)?,
            replacement: Template::compile(cx, line, replacement)?,
        }),
    };
    match cx.conf::<Http1Location>().redirects.edit() {
        Redirects::Off => return Err(line.directive_err("is duplicate")),
        Redirects::List(list) => list.push(rule),
        unset @ Redirects::Unset => *unset = Redirects::List(vec![rule]),
    }
    Ok(())
}

/// The URL for the client; None to leave it alone.
pub fn rewrite(r: &mut dyn Request, redirects: &Redirects, url: &Slice) -> Option<Slice> {
    match redirects {
        Redirects::Off => None,
        Redirects::Unset => undo(r, url),
        Redirects::List(rules) => rules.iter().find_map(|rule| match rule {
            Some(rule) => rule.apply(r, url, prefix),
            None => undo(r, url),
        }),
    }
}

/// The default rule.
fn undo(r: &dyn Request, url: &Slice) -> Option<Slice> {
    let target = r.target();
    if target.complete {
        return None;
    }
    let rest = url.strip_prefix(&target.url[..])?;
    let (path, rest) = match target.uri {
        Some(_) => (&target.location[..], rest),
        None => (&b"/"[..], rest.strip_prefix(b"/")?),
    };
    Some(Slice::from([path, rest].concat()))
}
