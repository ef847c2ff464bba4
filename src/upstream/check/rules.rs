//! What a good answer is: the lines of a `match` block.
//!
//! *In nginx* a block of the commercial version. All conditions must hold; without a `status` line any
//! status is good, and without a block statuses from 200 to 399 are.
//!
//! *Here* data and two questions: is the reply [complete](Rules::read_reply) enough to be judged, and is it
//! good. No socket, no clock.
//!
//! ```text
//!   match good { status 200-299;  header Content-Type = text/html;  header ! X-Draining;  body ~ "ready"; }
//! ```
//!
//! *Read next*: `mod.rs`.

use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use crate::parse::status_line::StatusLine;
use crate::util::regex::Regex;
use memchr::memmem;

/// How much of a body is looked at.
const BODY_LIMIT: usize = 256 << 10;
/// How large a head may be.
const HEAD_LIMIT: usize = 64 << 10;

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
    Status { ranges: Vec<(u16, u16)>, wanted: bool },
    Header { name: Vec<u8>, test: Test },
    Body { regex: Regex, wanted: bool },
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

    /// Judges what has come of a reply; `ended` says that no more will come.
    pub fn read_reply(&self, reply: &[u8], ended: bool) -> Judged {
        let Some((head, body)) = split(reply) else {
            let hopeless = ended || reply.len() > HEAD_LIMIT;
            return if hopeless {
                Judged::Bad("reading response header from upstream")
            } else {
                Judged::Again
            };
        };
        let Ok(Some(line)) = StatusLine::parse(head) else {
            return Judged::Bad("reading status line from upstream");
        };
        let wants_body = self.list.iter().any(|rule| matches!(rule, Rule::Body { .. }));
        let length = fields(head).find(|(name, _)| name.eq_ignore_ascii_case(b"content-length"));
        let length = length.and_then(|(_, value)| parse_number(value)).map(usize::try_from);
        let whole = length.is_some_and(|n| n.is_ok_and(|n| body.len() >= n));
        if wants_body && !ended && !whole && body.len() < BODY_LIMIT {
            return Judged::Again;
        }
        let body = body.get(..BODY_LIMIT).unwrap_or(body);
        let broken = self.list.iter().find(|rule| !holds(rule, line.code, head, body));
        broken.map_or(Judged::Good, |rule| {
            Judged::Bad(match rule {
                Rule::Status { .. } => "checking status code",
                Rule::Header { .. } => "checking header",
                Rule::Body { .. } => "checking body",
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
        (b"status" | b"header" | b"body", _) => return Err(wrong()),
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

/// Head and body, once the empty line is there.
fn split(reply: &[u8]) -> Option<(&[u8], &[u8])> {
    let crlf = memmem::find(reply, b"\r\n\r\n").map(|at| at + 4);
    let bare = memmem::find(reply, b"\n\n").map(|at| at + 2);
    let end = crlf.into_iter().chain(bare).min()?;
    reply.split_at_checked(end)
}

/// The fields of a head, without what surrounds their values.
fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    head.split(|b| *b == b'\n').skip(1).filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        Some((name, value.get(1..)?.trim_ascii()))
    })
}

fn holds(rule: &Rule, status: u16, head: &[u8], body: &[u8]) -> bool {
    match rule {
        Rule::Status { ranges, wanted } => {
            ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)) == *wanted
        }
        Rule::Body { regex, wanted } => regex.is_match(body) == *wanted,
        Rule::Header { name, test } => {
            let mut values = fields(head).filter(|(other, _)| other.eq_ignore_ascii_case(name));
            match test {
                Test::Present => values.next().is_some(),
                Test::Absent => values.next().is_none(),
                Test::Is(wanted) => values.any(|(_, value)| value == wanted),
                Test::IsNot(other) => values.all(|(_, value)| value != other),
                Test::Like(regex) => values.any(|(_, value)| regex.is_match(value)),
                Test::Unlike(regex) => !values.any(|(_, value)| regex.is_match(value)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_judged_as_soon_as_it_can_be() {
        let plain = Rules::default();
        assert_eq!(plain.read_reply(b"HTTP/1.1 200 OK\r\nA: b\r\n", false), Judged::Again);
        assert_eq!(plain.read_reply(b"HTTP/1.1 302 Found\r\n\r\n", false), Judged::Good);
        assert_eq!(plain.read_reply(b"HTTP/1.1 404 No\n\n", false), Judged::Bad("checking status code"));
        assert_eq!(
            plain.read_reply(b"ready\r\n\r\n", true),
            Judged::Bad("reading status line from upstream")
        );
        assert!(matches!(plain.read_reply(b"HTTP/1.1 200", true), Judged::Bad(_)));
        let regex = Regex::new("ready$", false, false).expect("a pattern");
        let body = Rules { list: vec![Rule::Body { regex, wanted: true }] };
        let reply = b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nready";
        assert_eq!(body.read_reply(&reply[..reply.len() - 1], false), Judged::Again);
        assert_eq!(body.read_reply(reply, false), Judged::Good);
        assert_eq!(body.read_reply(&reply[..reply.len() - 1], true), Judged::Bad("checking body"));
    }

    #[test]
    fn statuses_come_in_ranges() {
        assert_eq!(ranges(&[b"200", b"301-303"]), Some(vec![(200, 200), (301, 303)]));
        assert_eq!(ranges(&[b"303-301"]), None);
        assert_eq!(ranges(&[b"x"]), None);
    }
}
