//! What a good answer is: the lines of a `match` block.
//!
//! *In nginx* a block of the commercial version. All conditions must hold; without a `status` line any
//! status is good, and without a block statuses from 200 to 399 are.
//!
//! *Here* data and two questions: does a body have to be waited for, and is the reply good. No socket,
//! no clock. `require` knows the variables that a reply gives a value to; of others an empty value would
//! be all it saw, so they are refused.
//!
//! ```text
//!   match good { status 200-299;  header X-A = text;  body ~ "ready";  require $upstream_http_x_ok; }
//! ```
//!
//! *Read next*: `mod.rs`.

use crate::buf::Slice;
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use crate::protocol::Head;
use crate::upstream::vars;
use crate::util::regex::Regex;

/// One field's condition.
#[derive(Debug)]
enum Test {
    Present,
    Absent,
    Is(Vec<u8>),
    IsNot(Vec<u8>),
    Like(Regex),
    Unlike(Regex),
}

#[derive(Debug)]
enum Rule {
    Status {
        ranges: Vec<(u16, u16)>,
        wanted: bool,
    },
    Header {
        name: Vec<u8>,
        test: Test,
    },
    Body {
        regex: Regex,
        wanted: bool,
    },
    /// None of these variables may be empty or "0".
    Require(Vec<String>),
}

/// The conditions of a block.
#[derive(Debug)]
pub struct Rules {
    list: Vec<Rule>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { list: vec![Rule::Status { ranges: vec![(200, 399)], wanted: true }] }
    }
}

/// Where a reply stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    /// More of it is needed.
    Again,
    /// All conditions hold.
    Good,
    /// This was being looked at when one did not.
    Bad(&'static str),
}

impl Rules {
    /// Reads a block.
    ///
    /// # Errors
    /// What is wrong with a line.
    pub fn read(block: &Line) -> Result<Rules, ConfError> {
        let list = block.children().iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Rules { list })
    }

    /// Whether any condition is about the body, so that it has to be waited for.
    pub fn wants_body(&self) -> bool {
        self.list.iter().any(|rule| matches!(rule, Rule::Body { .. }))
    }

    /// Judges a reply.
    pub fn judge(&self, head: &Head, body: &[u8]) -> Judged {
        let broken = self.list.iter().find(|rule| !holds(rule, head, body));
        broken.map_or(Judged::Good, |rule| {
            Judged::Bad(match rule {
                Rule::Status { .. } => "checking status code",
                Rule::Header { .. } => "checking header",
                Rule::Body { .. } => "checking body",
                Rule::Require(_) => "checking required variables",
            })
        })
    }
}

fn rule(line: &Line) -> Result<Rule, ConfError> {
    let wrong = || line.err(format_args!("invalid \"{}\" in match block", line.name));
    let regex = |text: &[u8]| {
        let text = std::str::from_utf8(text).map_err(|_| wrong())?;
        Regex::new(text, false, true).map_err(|error| line.err(error))
    };
    let words: Vec<&[u8]> = line.args.iter().map(|arg| arg.bytes()).collect();
    Ok(match (line.name.bytes(), words.as_slice()) {
        (b"status", [b"!", codes @ ..]) if !codes.is_empty() => {
            Rule::Status { ranges: ranges(codes).ok_or_else(wrong)?, wanted: false }
        }
        (b"status", codes) if !codes.is_empty() => {
            Rule::Status { ranges: ranges(codes).ok_or_else(wrong)?, wanted: true }
        }
        (b"header", [b"!", name]) => Rule::Header { name: name.to_vec(), test: Test::Absent },
        (b"header", [name]) => Rule::Header { name: name.to_vec(), test: Test::Present },
        (b"header", [name, sign, value]) => {
            let test = match *sign {
                b"=" => Test::Is(value.to_vec()),
                b"!=" => Test::IsNot(value.to_vec()),
                b"~" => Test::Like(regex(value)?),
                b"!~" => Test::Unlike(regex(value)?),
                _ => return Err(wrong()),
            };
            Rule::Header { name: name.to_vec(), test }
        }
        (b"body", [b"~", text]) => Rule::Body { regex: regex(text)?, wanted: true },
        (b"body", [b"!~", text]) => Rule::Body { regex: regex(text)?, wanted: false },
        (b"require", [_, ..]) => {
            Rule::Require(words.iter().map(|word| variable(line, word)).collect::<Result<_, _>>()?)
        }
        (b"status" | b"header" | b"body" | b"require", _) => return Err(wrong()),
        _ => return Err(line.err(format_args!("\"{}\" is not supported in a match block", line.name))),
    })
}

fn ranges(codes: &[&[u8]]) -> Option<Vec<(u16, u16)>> {
    let number = |text: &[u8]| parse_number(text).and_then(|n| u16::try_from(n).ok());
    let range = |text: &&[u8]| match memchr::memchr(b'-', text) {
        None => number(text).map(|n| (n, n)),
        Some(at) => {
            let (from, to) = (number(text.get(..at)?)?, number(text.get(at + 1..)?)?);
            (from <= to).then_some((from, to))
        }
    };
    codes.iter().map(range).collect()
}

/// A variable that a reply gives a value to: its name without `$`.
fn variable(line: &Line, text: &[u8]) -> Result<String, ConfError> {
    let name = text.strip_prefix(b"$").and_then(|name| std::str::from_utf8(name).ok());
    let known = |name: &&str| {
        matches!(*name, "status" | "upstream_status")
            || ["upstream_http_", "upstream_cookie_"].iter().any(|family| name.starts_with(family))
    };
    name.filter(known).map(str::to_owned).ok_or_else(|| {
        let text = String::from_utf8_lossy(text);
        line.err(format_args!("\"{text}\" has no value in a health check"))
    })
}

fn value(name: &str, head: &Head) -> Option<Slice> {
    if let Some(name) = name.strip_prefix("upstream_http_") {
        return vars::all_named(&head.fields, name.as_bytes());
    }
    match name.strip_prefix("upstream_cookie_") {
        Some(name) => vars::cookie_named(&head.fields, name.as_bytes()),
        None => Some(Slice::from(head.status.to_string())),
    }
}

fn holds(rule: &Rule, head: &Head, body: &[u8]) -> bool {
    match rule {
        Rule::Status { ranges, wanted } => {
            ranges.iter().any(|(from, to)| (*from..=*to).contains(&head.status)) == *wanted
        }
        Rule::Body { regex, wanted } => regex.is_match(body) == *wanted,
        Rule::Require(names) => names.iter().all(|name| {
            let value = value(name, head).unwrap_or_default();
            !value.is_empty() && value != b"0"
        }),
        Rule::Header { name, test } => {
            let mut values = head.fields.named(name).map(|field| field.value);
            match test {
                Test::Present => values.next().is_some(),
                Test::Absent => values.next().is_none(),
                Test::Is(wanted) => values.any(|value| value == &**wanted),
                Test::IsNot(other) => values.all(|value| value != &**other),
                Test::Like(regex) => values.any(|value| regex.is_match(value)),
                Test::Unlike(regex) => !values.any(|value| regex.is_match(value)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_must_hold() {
        let mut head = Head::default();
        head.status(302).field("Set-Cookie", "well=1; Path=/").field("X-A", "0");
        assert_eq!(Rules::default().judge(&head, b""), Judged::Good);
        let require = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Rules { list: vec![Rule::Require(names)] }.judge(&head, b"")
        };
        assert_eq!(require(&["upstream_cookie_well", "status"]), Judged::Good);
        assert_eq!(require(&["status", "upstream_http_x_a"]), Judged::Bad("checking required variables"));
        head.status(404);
        assert_eq!(Rules::default().judge(&head, b""), Judged::Bad("checking status code"));
        let regex = Regex::new("ready$", false, false).expect("a pattern");
        let body = Rules { list: vec![Rule::Body { regex, wanted: true }] };
        assert_eq!(body.judge(&head, b"ready"), Judged::Good);
        assert_eq!(body.judge(&head, b"read"), Judged::Bad("checking body"));
    }

    #[test]
    fn statuses_come_in_ranges() {
        assert_eq!(ranges(&[b"200", b"301-303"]), Some(vec![(200, 200), (301, 303)]));
        assert_eq!(ranges(&[b"303-301"]), None);
        assert_eq!(ranges(&[b"x"]), None);
    }
}
