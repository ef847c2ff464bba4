//! The first line of a request.
//!
//! *In nginx* this is `ngx_http_parse_request_line`. Peculiar: empty lines in front are skipped, a line
//! may end with a bare LF, several spaces may separate the parts, and a line without a version is an
//! HTTP/0.9 request. All of that is kept. A CR anywhere but before the LF is refused.
//!
//! *Here* one [`RequestLine`] per request: show it the window, grown, until it says `Done`; then its
//! fields hold spans. It reports what kind of target it saw and whether the path must be normalised, but
//! neither decodes (`uri.rs`) nor judges the host (`host.rs`).
//!
//! ```text
//!   \r\n  GET  http://host:port/path/file.ext?args HTTP/1.1 \r\n
//!   Start Method  ╰ schema ╯ ╰──────── uri ─────╯   version
//!                host, port          ╰ext╯ ╰args╯
//! ```
//!
//! A line as nearly everybody writes it is recognised in one pass over sixteen bytes at a time. Any other is
//! read with more care: the method is checked as it arrives, so a TLS greeting on a plain port is refused at
//! its first byte; the rest is taken apart once the line's end is there.
//!
//! *Read next*: `header.rs`, then `uri.rs`.

use super::{Bad, Span, Step, before_line_end, line_feed};
use crate::sys::lanes::{LANES, Lanes};

/// Request methods that configuration and code can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Method {
    /// Well formed, but none of the others; the name is in [`RequestLine::method_name`].
    #[default]
    Unknown,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    Trace,
    Connect,
    Propfind,
    Proppatch,
    Mkcol,
    Copy,
    Move,
    Lock,
    Unlock,
}

impl Method {
    /// Every method with a name, in the order of the enum.
    pub const NAMED: [(&'static str, Method); 16] = [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("OPTIONS", Method::Options),
        ("PATCH", Method::Patch),
        ("TRACE", Method::Trace),
        ("CONNECT", Method::Connect),
        ("PROPFIND", Method::Propfind),
        ("PROPPATCH", Method::Proppatch),
        ("MKCOL", Method::Mkcol),
        ("COPY", Method::Copy),
        ("MOVE", Method::Move),
        ("LOCK", Method::Lock),
        ("UNLOCK", Method::Unlock),
    ];

    /// The method of that name, upper case only.
    pub fn from_name(name: &[u8]) -> Method {
        match name {
            b"GET" => Method::Get,
            b"POST" => Method::Post,
            b"HEAD" => Method::Head,
            _ => {
                let known = Method::NAMED.iter().find(|(text, _)| text.as_bytes() == name);
                known.map_or(Method::Unknown, |&(_, method)| method)
            }
        }
    }

    /// Its name; empty for [`Method::Unknown`].
    pub fn name(self) -> &'static str {
        let place = (self as usize).checked_sub(1).and_then(|at| Method::NAMED.get(at));
        place.map_or("", |&(name, _)| name)
    }

    /// Whether a request may be carried out twice (nginx's list: POST, LOCK and PATCH may not).
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Method::Post | Method::Lock | Method::Patch)
    }

    /// One bit per method, for sets such as `limit_except` and `proxy_cache_methods`.
    pub fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The four shapes of a request target (RFC 9112, section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `/path?args`
    #[default]
    Origin,
    /// `http://host:port/path?args`
    Absolute,
    /// `host:port`, only with CONNECT. `uri` is empty.
    Authority,
    /// `*`, only with OPTIONS. `uri` is the asterisk.
    Asterisk,
}

/// How far the line has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Method,
    Rest,
}

/// The parser and, after `Done`, its result. All spans are offsets into the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLine {
    stage: Stage,
    /// Offset of the first byte not looked at; after `Done` the first byte behind the line.
    pos: usize,
    /// The line without leading empty lines and without its end: what `$request` shows.
    pub line: Span,
    /// Which method.
    pub method: Method,
    /// The method as sent.
    pub method_name: Span,
    /// The shape of the target.
    pub form: Form,
    /// `http` of an absolute target, as sent; else empty.
    pub schema: Span,
    /// Host of an absolute or authority target, brackets included, not yet judged; else empty.
    pub host: Span,
    /// Digits behind the host's colon; empty when there are none.
    pub port: Span,
    /// Path and arguments as sent (nginx's `unparsed_uri`), fragment included. For `http://host` without a
    /// path this is a slash; for `http://host?args` it begins with the question mark.
    pub uri: Span,
    /// The part of `uri` before arguments and fragment.
    pub path: Span,
    /// Arguments without question mark and fragment; `None` when there is no question mark.
    pub args: Option<Span>,
    /// Behind the last dot of the last path segment; empty without one. Only meaningful when `complex` is
    /// not set, else take it from the normalised path.
    pub extension: Span,
    /// The path is not its own normal form (`%`, `//`, `/.`, `#`, or an empty path) and has to go through
    /// [`super::uri::parse_complex_uri`].
    pub complex: bool,
    /// A percent sign occurs in the path.
    pub quoted: bool,
    /// A plus occurs in the path.
    pub plus: bool,
    /// `http://host?args`: a path of `/` has to be imagined.
    pub empty_path: bool,
    /// 1, or 0 for HTTP/0.9.
    pub major: u16,
    /// 0 and 1 are usual; 9 when the line has no version.
    pub minor: u16,
}

impl RequestLine {
    /// A parser for a request whose first byte is at `pos` of the window.
    pub fn at(pos: usize) -> RequestLine {
        RequestLine { pos, ..RequestLine::default() }
    }

    /// Offset of the first byte behind what was read.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// The version as nginx counts it: 9, 1000, 1001.
    pub fn version(&self) -> u32 {
        u32::from(self.major) * 1000 + u32::from(self.minor)
    }

    /// Whether a byte other than line ends in front of the request has been seen.
    pub fn started(&self) -> bool {
        self.stage != Stage::Start
    }

    /// Tells that `by` bytes in front of the window are gone, for instance because the unfinished line moved
    /// to a larger buffer. Must not be more than the start of `line`.
    pub fn rebase(&mut self, by: usize) {
        self.pos = self.pos.saturating_sub(by);
        let spans = [
            &mut self.line,
            &mut self.method_name,
            &mut self.schema,
            &mut self.host,
            &mut self.port,
            &mut self.uri,
            &mut self.path,
            &mut self.extension,
        ];
        for span in spans.into_iter().chain(self.args.as_mut()) {
            *span = span.rebased(by);
        }
    }

    /// Goes on reading. `window` is the same window as before, possibly longer.
    ///
    /// Errors: `InvalidMethod`, `InvalidRequest`, `InvalidVersion` (505), `Invalid09Method`. After an error
    /// `line` covers what had arrived of the line, for the log.
    pub fn parse(&mut self, window: &[u8]) -> Result<Step, Bad> {
        if self.stage == Stage::Start && self.take_usual(window).is_some() {
            return Ok(Step::Done);
        }
        self.parse_any(window)
    }

    #[inline(never)]
    fn parse_any(&mut self, window: &[u8]) -> Result<Step, Bad> {
        let result = self.advance(window);
        if result.is_err() {
            let start = self.line.start as usize;
            let lf = line_feed(window, start).unwrap_or(window.len());
            self.line = Span::new(start, before_line_end(window, start, lf));
        }
        result
    }

    /// Reads a line that is all there: a common method, a path which is its own normal form, a version,
    /// CR LF. None, and nothing has changed, if it is not such a line.
    fn take_usual(&mut self, window: &[u8]) -> Option<()> {
        let (window, start) = (Span::reach(window), self.pos);
        let (method, len) = match window.get(start..)? {
            line if line.starts_with(b"GET /") => (Method::Get, 3),
            line if line.starts_with(b"POST /") => (Method::Post, 4),
            line if line.starts_with(b"HEAD /") => (Method::Head, 4),
            _ => return None,
        };
        let at = start + len + 1;
        let target = UsualTarget::read(window, at)?;
        let end = target.end;
        let (name, rest) = window.get(end..)?.split_first_chunk()?;
        let minor = match rest {
            [minor @ (b'0' | b'1'), b'\r', b'\n', ..] if name == b" HTTP/1." => minor - b'0',
            _ => return None,
        };
        let path_end = target.query.unwrap_or(end);
        self.stage = Stage::Rest;
        self.pos = end + b" HTTP/1.1\r\n".len();
        let span = |start: usize, end: usize| Span { start: start as u32, end: end as u32 };
        self.line = span(start, end + b" HTTP/1.1".len());
        (self.method, self.method_name) = (method, span(start, start + len));
        (self.uri, self.path) = (span(at, end), span(at, path_end));
        self.args = target.query.map(|query| span(query + 1, end));
        self.extension = target.dot.map_or(Span::default(), |dot| span(dot + 1, path_end));
        (self.major, self.minor) = (1, u16::from(minor));
        Some(())
    }

    fn advance(&mut self, window: &[u8]) -> Result<Step, Bad> {
        if self.stage == Stage::Start {
            let rest = window.get(self.pos..).unwrap_or_default();
            let Some(skip) = rest.iter().position(|b| !matches!(b, b'\r' | b'\n')) else {
                self.pos = window.len();
                self.line = Span::new(self.pos, self.pos);
                return Ok(Step::Again);
            };
            self.pos += skip;
            self.line = Span::new(self.pos, self.pos);
            self.stage = Stage::Method;
        }
        if self.stage == Stage::Method && !self.read_method(window)? {
            return Ok(Step::Again);
        }
        let Some(lf) = line_feed(window, self.pos) else {
            self.pos = window.len();
            return Ok(Step::Again);
        };
        self.pos = lf + 1;
        let start = self.line.start as usize;
        let end = before_line_end(window, start, lf);
        self.line = Span::new(start, end);
        self.take_apart(window.get(..end).unwrap_or_default())?;
        Ok(Step::Done)
    }

    /// Checks method bytes as they come; true once the space behind them was seen.
    fn read_method(&mut self, window: &[u8]) -> Result<bool, Bad> {
        let start = self.line.start as usize;
        for &b in window.get(self.pos..).unwrap_or_default() {
            match b {
                b'A'..=b'Z' | b'_' | b'-' => self.pos += 1,
                b' ' if self.pos > start => {
                    self.method_name = Span::new(start, self.pos);
                    self.method = Method::from_name(self.method_name.of(window));
                    self.stage = Stage::Rest;
                    return Ok(true);
                }
                _ => return Err(Bad::InvalidMethod),
            }
        }
        Ok(false)
    }

    /// The line is complete (`line` ends where it ends): target, then version.
    fn take_apart(&mut self, line: &[u8]) -> Result<(), Bad> {
        let at = skip_spaces(line, self.method_name.end as usize);
        let at = match line.get(at) {
            _ if self.method == Method::Connect => self.authority(line, at)?,
            Some(b'/') => self.target(line, at)?,
            Some(b'*') if self.method == Method::Options => {
                self.form = Form::Asterisk;
                self.uri = Span::new(at, at + 1);
                self.path = self.uri;
                at + 1
            }
            Some(b) if b.is_ascii_alphabetic() => self.absolute(line, at)?,
            _ => return Err(Bad::InvalidRequest),
        };
        self.read_version(line, at)
    }

    /// `scheme://host[:port]` and what follows.
    fn absolute(&mut self, line: &[u8], at: usize) -> Result<usize, Bad> {
        self.form = Form::Absolute;
        let rest = line.get(at..).unwrap_or_default();
        let scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let len = rest.iter().position(|b| !scheme(b)).ok_or(Bad::InvalidRequest)?;
        self.schema = Span::new(at, at + len);
        if !rest.get(len..).is_some_and(|r| r.starts_with(b"://")) {
            return Err(Bad::InvalidRequest);
        }
        let end = self.host_and_port(line, at + len + 3)?;
        match line.get(end) {
            Some(b'/' | b'?') => self.target(line, end),
            // Without a path the slash in front of the host stands for it, so that `uri` is still a slice.
            None | Some(b' ') => {
                self.uri = Span::new(at + len + 1, at + len + 2);
                self.path = self.uri;
                Ok(end)
            }
            Some(_) => Err(Bad::InvalidRequest),
        }
    }

    /// `host:port`, the port required (RFC 9110, section 9.3.6).
    fn authority(&mut self, line: &[u8], at: usize) -> Result<usize, Bad> {
        self.form = Form::Authority;
        let end = self.host_and_port(line, at)?;
        self.uri = Span::new(end, end);
        self.path = self.uri;
        match line.get(end) {
            None | Some(b' ') if !self.port.is_empty() => Ok(end),
            _ => Err(Bad::InvalidRequest),
        }
    }

    fn host_and_port(&mut self, line: &[u8], at: usize) -> Result<usize, Bad> {
        let rest = line.get(at..).unwrap_or_default();
        let len = if rest.first() == Some(&b'[') {
            1 + memchr::memchr(b']', rest).ok_or(Bad::InvalidRequest)?
        } else {
            rest.iter().position(|&b| matches!(b, b':' | b'/' | b'?' | b' ')).unwrap_or(rest.len())
        };
        let host = rest.get(..len).unwrap_or_default();
        if host.is_empty() || host.iter().any(|&b| !host_byte(b)) {
            return Err(Bad::InvalidRequest);
        }
        self.host = Span::new(at, at + len);
        let mut end = at + len;
        if line.get(end) == Some(&b':') {
            let digits = line.get(end + 1..).unwrap_or_default();
            let n = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
            self.port = Span::new(end + 1, end + 1 + n);
            end += 1 + n;
        }
        Ok(end)
    }

    /// Path and arguments from `at` up to a space or the line's end; gives the offset of that end.
    fn target(&mut self, line: &[u8], at: usize) -> Result<usize, Bad> {
        let rest = line.get(at..).unwrap_or_default();
        let mut part = Part::Path;
        let mut after_slash = false;
        let mut end = line.len();
        let (mut query, mut hash, mut dot) = (None, None, None);
        for (i, &b) in rest.iter().enumerate().map(|(i, b)| (at + i, b)) {
            let class = URI_CLASS[usize::from(b)];
            if class == USUAL {
                after_slash = false;
                continue;
            }
            match (b, part) {
                (b' ', _) => {
                    end = i;
                    break;
                }
                (0..=0x1f | 0x7f, _) => return Err(Bad::InvalidRequest),
                (b'#', Part::Path | Part::Args) => {
                    hash = Some(i);
                    part = Part::Fragment;
                }
                (b'?', Part::Path) => {
                    query = Some(i);
                    part = Part::Args;
                }
                (b'/', Part::Path) => {
                    self.complex |= after_slash;
                    after_slash = true;
                    dot = None;
                    continue;
                }
                (b'.', Part::Path) => {
                    self.complex |= after_slash;
                    dot = Some(i + 1);
                }
                (b'%', Part::Path) => self.quoted = true,
                (b'+', Part::Path) => self.plus = true,
                _ => {}
            }
            after_slash = false;
        }
        let args_end = hash.unwrap_or(end);
        let path_end = query.unwrap_or(args_end);
        self.uri = Span::new(at, end);
        self.path = Span::new(at, path_end);
        self.args = query.map(|q| Span::new(q + 1, args_end));
        self.extension = dot.map_or(Span::default(), |d| Span::new(d, path_end));
        self.empty_path = self.path.is_empty();
        self.complex |= self.quoted || self.empty_path || hash.is_some();
        Ok(end)
    }

    /// What follows the target: nothing (HTTP/0.9), or `HTTP/1.x` and perhaps spaces.
    fn read_version(&mut self, line: &[u8], at: usize) -> Result<(), Bad> {
        let at = skip_spaces(line, at);
        let rest = line.get(at..).unwrap_or_default();
        if rest.is_empty() {
            (self.major, self.minor) = (0, 9);
            return if self.method == Method::Get { Ok(()) } else { Err(Bad::Invalid09Method) };
        }
        let rest = rest.strip_prefix(b"HTTP/").ok_or(Bad::InvalidRequest)?;
        match rest {
            [b'1', b'.', ..] => self.major = 1,
            [b'1', b'0'..=b'9', ..] | [b'2'..=b'9', ..] => return Err(Bad::InvalidVersion),
            _ => return Err(Bad::InvalidRequest),
        }
        let rest = rest.get(2..).unwrap_or_default();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (minor, tail) = rest.split_at_checked(digits).ok_or(Bad::InvalidRequest)?;
        if !(1..=3).contains(&digits) || tail.iter().any(|&b| b != b' ') {
            return Err(Bad::InvalidRequest);
        }
        self.minor = minor.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
        Ok(())
    }
}

/// A target that is a path, which is its own normal form, and perhaps arguments; offsets into the window.
struct UsualTarget {
    /// The last dot of the last segment.
    dot: Option<usize>,
    /// The question mark.
    query: Option<usize>,
    /// The space behind it.
    end: usize,
}

impl UsualTarget {
    /// Reads the target whose first slash is at `at`. None if it is not usual, or its end has not come.
    #[inline(always)]
    fn read(window: &[u8], at: usize) -> Option<UsualTarget> {
        let (mut dot, mut query) = (None, None);
        let mut from = at + 1;
        loop {
            let lanes = Lanes::at(window, from)?;
            // The same bytes as those of `URI_CLASS`.
            let path = lanes.equal(b'/') | lanes.equal(b'.') | lanes.equal(b'?');
            let odd = lanes.equal(b'%') | lanes.equal(b'+') | lanes.equal(b'#') | lanes.equal(0x7f);
            let mut marks = path | odd | lanes.below(b'!');
            while marks != 0 {
                let i = from + marks.trailing_zeros() as usize;
                marks &= marks - 1;
                match (window.get(i)?, query) {
                    (b' ', _) => return Some(UsualTarget { dot, query, end: i }),
                    (b'/' | b'.' | b'?' | b'%' | b'+', Some(_)) => {}
                    (b'?', None) => query = Some(i),
                    (mark @ (b'/' | b'.'), None) if window.get(i - 1) != Some(&b'/') => {
                        dot = (*mark == b'.').then_some(i);
                    }
                    _ => return None,
                }
            }
            from += LANES;
        }
    }
}

/// Where in a target the walk is: the marks of the path mean nothing behind it.
#[derive(Clone, Copy)]
enum Part {
    Path,
    Args,
    Fragment,
}

const USUAL: u8 = 0;

/// Zero for bytes that need no look; one entry per byte value, so indexing with a byte cannot fail.
static URI_CLASS: [u8; 256] = {
    let mut table = [USUAL; 256];
    let mut b = 0;
    while b <= b' ' as usize {
        table[b] = 1;
        b += 1;
    }
    let marks = b"\x7f#?/.%+";
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = 1;
        i += 1;
    }
    table
};

/// Bytes of a registered name or a bracketed address (RFC 3986, section 3.2.2); `host.rs` looks closer.
fn host_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&b)
}

fn skip_spaces(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|&&b| b == b' ').count()
}

#[cfg(test)]
#[path = "request_line_tests.rs"]
mod tests;
