//! `modern_browser`, `ancient_browser`: which kind of browser asks, by its own word.
//!
//! *In nginx* `ngx_http_browser_module`, from a time when that decided which page one could send.
//!
//! *Here* the same three variables, of which `$modern_browser` and `$ancient_browser` exclude each other. A
//! browser is known by a word in User-Agent and the version behind it. Opera called itself MSIE, so it is
//! looked for first, even if no line speaks of it: then it is ancient.
//!
//! ```text
//!   User-Agent ─▶ opera, msie, gecko, safari, konqueror ─ found ─▶ version high enough? modern : ancient
//!                     └ none ─▶ netscape4, ancient list ─ found ─▶ ancient
//!                                   └ none ─▶ modern_browser unlisted? modern : ancient
//! ```
//!
//! *Read next*: `map.rs`, which does the same with patterns of one's own.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope, Setting};
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::vars::{Definition, definition};

/// How a browser is recognized.
struct Mask {
    /// The name in the configuration.
    name: &'static str,
    /// How much of User-Agent cannot hold the word.
    skip: usize,
    /// The word.
    word: &'static [u8],
    /// From the word's beginning to the version.
    to_version: usize,
}

/// In the order in which they are looked for.
static MASKS: [Mask; 5] = [
    Mask { name: "opera", skip: 0, word: b"Opera", to_version: 6 },
    Mask { name: "msie", skip: 25, word: b"MSIE ", to_version: 5 },
    Mask { name: "gecko", skip: 13, word: b"rv:", to_version: 3 },
    Mask { name: "safari", skip: 24, word: b"Safari/", to_version: 7 },
    Mask { name: "konqueror", skip: 25, word: b"Konqueror/", to_version: 10 },
];

/// The configuration of a level.
#[derive(Default)]
pub struct Browser {
    /// Place in [`MASKS`] and the lowest version that is modern.
    modern: Vec<(usize, u64)>,
    /// `modern_browser unlisted`
    unlisted: bool,
    ancient: Vec<Vec<u8>>,
    netscape4: bool,
    modern_value: Setting<Option<Slice>>,
    ancient_value: Setting<Option<Slice>>,
}

/// More than any version is.
const NEVER: u64 = u64::MAX;

impl Conf for Browser {
    const SCOPE: Scope = Scope::Location;
    crate::conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        if self.modern.is_empty() && !self.unlisted {
            self.modern.clone_from(&parent.modern);
            self.unlisted = parent.unlisted;
        } else if !self.modern.is_empty() && !self.modern.iter().any(|(mask, _)| *mask == 0) {
            self.modern.push((0, NEVER));
        }
        self.modern.sort_by_key(|(mask, _)| *mask);
        if self.ancient.is_empty() && !self.netscape4 {
            self.ancient.clone_from(&parent.ancient);
            self.netscape4 = parent.netscape4;
        }
        self.modern_value.merge(&parent.modern_value);
        self.ancient_value.merge(&parent.ancient_value);
        Ok(())
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule { variables: Some(variables), ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_browser",
    directives: &[
        Directive::of("modern_browser", LEVELS, Args::Between(1, 2))
            .doc(
                "A browser (msie, gecko, opera, safari, konqueror) and the version from which it is modern; \
                 or unlisted: those that no line speaks of are.",
            )
            .set(modern),
        Directive::of("ancient_browser", LEVELS, Args::AtLeast(1))
            .doc("Texts in User-Agent that tell an ancient browser; netscape4 stands for all of that family.")
            .set(ancient),
        Directive::of("modern_browser_value", LEVELS, Args::Exactly(1))
            .default("1")
            .doc("The value of $modern_browser for modern browsers.")
            .set(|cx, line| value(line, &mut cx.conf::<Browser>().modern_value)),
        Directive::of("ancient_browser_value", LEVELS, Args::Exactly(1))
            .default("1")
            .doc("The value of $ancient_browser for ancient browsers.")
            .set(|cx, line| value(line, &mut cx.conf::<Browser>().ancient_value)),
    ],
};

/// NGINX: the last line of a level wins.
fn value(line: &Line, setting: &mut Setting<Option<Slice>>) -> Result<(), ConfError> {
    setting.set(Some(Slice::copy(line.arg(0)?)));
    Ok(())
}

fn modern(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    let Some(version) = line.args.get(1) else {
        if name.is("unlisted") {
            cx.conf::<Browser>().unlisted = true;
            return Ok(());
        }
        return Err(line.directive_err("invalid number of arguments"));
    };
    let Some(mask) = MASKS.iter().position(|mask| name.is(mask.name)) else {
        return Err(line.err(format_args!("unknown browser name \"{name}\"")));
    };
    if version.iter().any(|b| !b.is_ascii_digit() && *b != b'.') {
        return Err(line.err(format_args!("invalid browser version \"{version}\"")));
    }
    cx.conf::<Browser>().modern.push((mask, read_version(version)));
    Ok(())
}

fn ancient(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let conf = cx.conf::<Browser>();
    for arg in &line.args {
        if arg.is("netscape4") {
            conf.netscape4 = true;
        } else {
            conf.ancient.push(arg.to_vec());
        }
    }
    Ok(())
}

/// A version as one number: two decimal places for each part behind the first.
fn read_version(text: &[u8]) -> u64 {
    let end = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(text.len());
    let parts = text.get(..end).unwrap_or_default().split(|b| *b == b'.');
    let scales = [1_000_000, 10_000, 100, 1];
    let number = |part: &[u8]| {
        part.iter().fold(0u64, |sum, b| sum.saturating_mul(10).saturating_add(u64::from(b - b'0')))
    };
    parts.zip(scales).fold(0, |sum: u64, (part, scale)| {
        sum.saturating_add(number(part).saturating_mul(scale)).min(NEVER - 1)
    })
}

fn is_modern(conf: &Browser, agent: Option<&[u8]>) -> bool {
    let Some(agent) = agent else { return conf.unlisted };
    for (mask, lowest) in &conf.modern {
        let Some(mask) = MASKS.get(*mask) else { continue };
        let Some(rest) = agent.get(mask.skip..) else { continue };
        let Some(found) = memchr::memmem::find(rest, mask.word) else { continue };
        let Some(version) = rest.get(found + mask.to_version..).filter(|rest| !rest.is_empty()) else {
            continue;
        };
        return read_version(version) >= *lowest;
    }
    if !conf.modern.is_empty() && !conf.unlisted {
        return false;
    }
    let netscape4 = agent.len() > b"Mozilla/4.72 ".len()
        && agent.strip_prefix(b"Mozilla/").is_some_and(|rest| matches!(rest.first(), Some(b'1'..=b'4')));
    if conf.netscape4 && netscape4
        || conf.ancient.iter().any(|word| memchr::memmem::find(agent, word).is_some())
    {
        return false;
    }
    conf.unlisted
}

fn is_msie(agent: &[u8]) -> bool {
    let found = memchr::memmem::find(agent, b"MSIE ");
    found.is_some_and(|at| at + 7 < agent.len()) && memchr::memmem::find(agent, b"Opera ").is_none()
}

fn kind(x: &Exchange, r: RequestIx, modern: bool) -> Option<Slice> {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<Browser>();
    if is_modern(conf, x.main().headers_in.value(Known::UserAgent)) != modern {
        return Some(Slice::EMPTY);
    }
    let value = if modern { &conf.modern_value } else { &conf.ancient_value };
    Some((**value).clone().unwrap_or_else(|| "1".into()))
}

fn variables() -> Vec<(&'static str, Definition)> {
    let msie = |x: &mut Exchange, _: RequestIx, _: &mut Io| {
        let agent = x.main().headers_in.value(Known::UserAgent);
        Some(if agent.is_some_and(is_msie) { "1".into() } else { Slice::EMPTY })
    };
    vec![
        ("msie", definition(msie).changeable()),
        ("modern_browser", definition(|x, r, _| kind(x, r, true)).changeable()),
        ("ancient_browser", definition(|x, r, _| kind(x, r, false)).changeable()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_part_by_part() {
        for (low, high) in
            [("5.0", "5.5"), ("5.5", "6"), ("0.9.9", "1.0.0"), ("1.8.1.2", "1.8.1.3"), ("9", "10.0")]
        {
            assert!(read_version(low.as_bytes()) < read_version(high.as_bytes()), "{low} {high}");
        }
        assert_eq!(read_version(b"6.0; Windows"), read_version(b"6"));
        assert!(read_version(b"99999999999999999999999") < NEVER);
    }
}
