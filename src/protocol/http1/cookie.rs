//! Cookies that a peer sets, in the client's terms.
//!
//! *In nginx* `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags` and
//! `ngx_http_proxy_rewrite_cookie`, which takes Set-Cookie apart and puts it together again if anything
//! changed.
//!
//! *Here* the same. In each of the three lists the first rule that fits wins. A domain is compared
//! without regard to case and to a dot in front, which means nothing since RFC 6265; the dot that is
//! there stays.
//!
//! ```text
//!   sid=1; Domain=peer.local; Path=/app/      domain peer.local example.org; path /app/ /; flags sid secure
//!   sid=1; Domain=example.org; Path=/; Secure
//! ```
//!
//! *Read next*: `redirect.rs`.

use super::conf::Http1Location;
use super::rewrite::{Rule, What, prefix};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::parse::list::trim;
use crate::protocol::Request;

/// The rules of one list at one level.
#[derive(Clone, Debug)]
pub enum Rules<T> {
    /// None, or `off`.
    Off,
    /// In order.
    List(Vec<T>),
}

impl<T> Rules<T> {
    fn iter(&self) -> impl Iterator<Item = &T> {
        match self {
            Rules::Off => [].iter(),
            Rules::List(list) => list.iter(),
        }
    }
}

/// A `proxy_cookie_flags` line.
#[derive(Clone, Debug)]
pub struct Flags {
    cookie: What,
    flags: Vec<Template>,
}

/// The flags a line can set or take away, with the attribute each is about and what it becomes.
const FLAGS: [(&str, &str, Option<&str>); 8] = [
    ("secure", "Secure", Some("Secure")),
    ("nosecure", "Secure", None),
    ("httponly", "HttpOnly", Some("HttpOnly")),
    ("nohttponly", "HttpOnly", None),
    ("samesite=strict", "SameSite", Some("SameSite=Strict")),
    ("samesite=lax", "SameSite", Some("SameSite=Lax")),
    ("samesite=none", "SameSite", Some("SameSite=None")),
    ("nosamesite", "SameSite", None),
];

/// Adds a line to a list; `off` alone empties it and allows no other line in the level.
fn add<T>(line: &Line, setting: &mut Setting<Rules<T>>, rule: Option<T>) -> Result<(), ConfError> {
    let Some(rule) = rule else { return line.store(setting, Rules::Off) };
    if setting.is_set() && matches!(**setting, Rules::Off) {
        return Err(line.directive_err("is duplicate"));
    }
    match setting.edit() {
        Rules::List(list) => list.push(rule),
        off @ Rules::Off => *off = Rules::List(vec![rule]),
    }
    Ok(())
}

fn is_off(line: &Line) -> Result<bool, ConfError> {
    let first = line.arg(0)?;
    match line.args.len() {
        1 if first.is("off") => Ok(true),
        1 => Err(first.invalid_parameter(&["off"])),
        _ => Ok(false),
    }
}

/// `proxy_cookie_domain off | DOMAIN REPLACEMENT`
pub fn set_domain(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let rule = match is_off(line)? {
        true => None,
        false => {
            let (domain, replacement) = (line.arg(0)?, line.arg(1)?);
            // The dot means nothing in a domain; in a regular expression's replacement it is text.
            let undotted = |text: &[u8]| text.strip_prefix(b".").unwrap_or(text).to_vec();
            let replacement =
                if domain.starts_with(b"~") { replacement.to_vec() } else { undotted(replacement) };
            Some(Rule {
                what: What::compile(cx, line, &undotted(domain), true)?,
                replacement: Template::compile(cx, line, &replacement)?,
            })
        }
    };
    add(line, &mut cx.conf::<Http1Location>().cookie_domains, rule)
}

/// `proxy_cookie_path off | PATH REPLACEMENT`
pub fn set_path(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let rule = match is_off(line)? {
        true => None,
        false => Some(Rule {
            what: What::compile(cx, line, line.arg(0)?, false)?,
            replacement: Template::compile(cx, line, line.arg(1)?)?,
        }),
    };
    add(line, &mut cx.conf::<Http1Location>().cookie_paths, rule)
}

/// `proxy_cookie_flags off | COOKIE FLAG…`
pub fn set_flags(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let rule = match is_off(line)? {
        true => None,
        false => {
            let cookie = What::compile(cx, line, line.arg(0)?, true)?;
            let mut flags = Vec::new();
            for arg in line.args.iter().skip(1) {
                let flag = Template::compile(cx, line, arg)?;
                let known = |word: &Slice| FLAGS.iter().any(|(name, ..)| is(word, name));
                if flag.as_constant().is_some_and(|word| !known(word)) {
                    return Err(arg.invalid_parameter(&FLAGS.map(|(name, ..)| name)));
                }
                flags.push(flag);
            }
            Some(Flags { cookie, flags })
        }
    };
    add(line, &mut cx.conf::<Http1Location>().cookie_flags, rule)
}

fn is(text: &[u8], word: &str) -> bool {
    text.eq_ignore_ascii_case(word.as_bytes())
}

/// An attribute: its name and, behind an equals sign, its value.
struct Attribute {
    name: Slice,
    value: Option<Slice>,
}

impl Attribute {
    fn of(text: &Slice) -> Attribute {
        match memchr::memchr(b'=', text) {
            Some(at) => Attribute { name: text.slice(0..at), value: Some(text.slice(at + 1..text.len())) },
            None => Attribute { name: text.clone(), value: None },
        }
    }
}

/// The cookie for the client; None to leave it alone.
pub fn rewrite(r: &mut dyn Request, conf: &Http1Location, cookie: &Slice) -> Option<Slice> {
    let mut parts = split(cookie);
    let pair = parts.next()?;
    let mut attributes: Vec<Attribute> = parts.map(|part| Attribute::of(&part)).collect();
    let mut changed = false;
    for Attribute { name, value } in &mut attributes {
        let Some(value) = value else { continue };
        let rewritten = if is(name, "domain") {
            conf.cookie_domains.iter().find_map(|rule| domain(r, rule, value))
        } else if is(name, "path") {
            conf.cookie_paths.iter().find_map(|rule| rule.apply(r, value, prefix))
        } else {
            None
        };
        if let Some(rewritten) = rewritten {
            *value = rewritten;
            changed = true;
        }
    }
    let name = Attribute::of(&pair).name;
    if let Some(flags) = conf.cookie_flags.iter().find(|flags| is_for(r, flags, &name)) {
        let words: Vec<Slice> = flags.flags.iter().map(|flag| r.eval(flag)).collect();
        words.iter().for_each(|word| apply_flag(word, &mut attributes));
        changed = true;
    }
    changed.then(|| joined(&pair, &attributes))
}

/// The parts between semicolons, blanks around them cut off.
fn split(cookie: &Slice) -> impl Iterator<Item = Slice> {
    let mut at = 0;
    cookie.split(|b| *b == b';').map(move |part| {
        let lead = part.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let start = at + lead;
        at += part.len() + 1;
        cookie.slice(start..start + trim(part).len())
    })
}

/// A domain rule fits the whole domain, the dot in front left aside.
fn domain(r: &mut dyn Request, rule: &Rule, value: &Slice) -> Option<Slice> {
    let dots = usize::from(value.starts_with(b"."));
    if dots == 0 || matches!(rule.what, What::Pattern(_)) {
        return rule.apply(r, value, whole);
    }
    let bare = rule.apply(r, &value.slice(dots..value.len()), whole)?;
    Some(Slice::from([b".", &bare[..]].concat()))
}

fn whole(text: &[u8], value: &[u8]) -> Option<usize> {
    text.eq_ignore_ascii_case(value).then_some(value.len())
}

fn is_for(r: &mut dyn Request, flags: &Flags, name: &Slice) -> bool {
    match &flags.cookie {
        What::Text(text) => r.eval(text).eq_ignore_ascii_case(name),
        What::Pattern(pattern) => match pattern.find(name) {
            Some(groups) => {
                r.matched(groups, pattern.named());
                true
            }
            None => false,
        },
    }
}

/// Sets a flag, in its place if the cookie has one of that name, or takes it away. A word that no flag
/// has, from a variable, does nothing.
fn apply_flag(word: &[u8], attributes: &mut Vec<Attribute>) {
    let Some((_, name, becomes)) = FLAGS.iter().find(|(known, ..)| is(word, known)) else { return };
    let Some(becomes) = becomes else {
        attributes.retain(|attribute| !is(&attribute.name, name));
        return;
    };
    let attribute = Attribute::of(&Slice::from(*becomes));
    match attributes.iter_mut().find(|attribute| is(&attribute.name, name)) {
        Some(there) => *there = attribute,
        None => attributes.push(attribute),
    }
}

fn joined(pair: &[u8], attributes: &[Attribute]) -> Slice {
    let mut all = pair.to_vec();
    for Attribute { name, value } in attributes {
        all.extend_from_slice(b"; ");
        all.extend_from_slice(name);
        if let Some(value) = value {
            all.push(b'=');
            all.extend_from_slice(value);
        }
    }
    Slice::from(all)
}
