//! The head of a request: its line and its fields, read as they arrive.
//!
//! *In nginx* `ngx_http_process_request_line`, `ngx_http_process_request_headers`,
//! `ngx_http_alloc_large_header_buffer` and the table of field handlers `ngx_http_headers_in`.
//!
//! *Here* the parsers give ranges of the page, which become counted views; nothing is copied unless a
//! line straddles two buffers. A line must fit one buffer, and there are at most as many buffers as
//! `large_client_header_buffers` says.
//!
//! ```text
//!   page  [GET /a HTTP/1.1\r\nHost: a\r\nCoo........]   full: the unfinished line moves to a larger page
//!          └ line            └ field   └ position
//! ```
//!
//! *Read next*: `parse/request_line.rs`, `host.rs`, `fields.rs`.

use super::host;
use crate::buf::{Page, Slice};
use crate::event::stream::Received;
use crate::event::{RequestIx, Side};
use crate::http::counters::Count;
use crate::http::exchange::Exchange;
use crate::http::headers::{HeadersIn, Known};
use crate::http::io::Io;
use crate::http::slots::ClientRead;
use crate::http::turn::{Status, Turn};
use crate::http::{logging, phases, request, ssl};
use crate::log::Level;
use crate::parse::header::{Field, HeaderParser, HeaderStep};
use crate::parse::request_line::{Form, Method, RequestLine};
use crate::parse::{Bad, Span, Step, words};

/// The page of the head and how far it has been parsed.
pub struct Head {
    /// What was read. Behind the head stand the first bytes of the body, or the next request.
    pub page: Page,
    /// How many bytes of the page are used up.
    pub pos: usize,
    /// How many bytes of the page the configuration allows.
    pub limit: usize,
    /// How many large buffers have been taken.
    pub large: u64,
    line: RequestLine,
    fields: HeaderParser,
    /// Fields seen, the ignored ones too.
    count: u64,
    /// The port the client connected to.
    pub local_port: u16,
    /// A PROXY protocol header comes first.
    pub proxy_protocol: bool,
    /// The server that answers is known, whatever host is named.
    pub is_served: bool,
}

/// What is known of a head when its first bytes have come.
pub struct Opening {
    /// The page they came in.
    pub page: Page,
    /// How many bytes of it the configuration allows.
    pub limit: usize,
    /// The port the client connected to.
    pub local_port: u16,
    /// A PROXY protocol header comes first.
    pub proxy_protocol: bool,
    /// The server that will answer is known, whatever host is named.
    pub is_served: bool,
}

impl Head {
    /// A head of which nothing has been parsed.
    pub fn new(opening: Opening) -> Head {
        Head {
            page: opening.page,
            pos: 0,
            limit: opening.limit,
            large: 0,
            line: RequestLine::default(),
            fields: HeaderParser::default(),
            count: 0,
            local_port: opening.local_port,
            proxy_protocol: opening.proxy_protocol,
            is_served: opening.is_served,
        }
    }

    /// Makes it a new one.
    pub fn renew(&mut self, opening: Opening) {
        let Head { page, pos, limit, large, line, fields, count, local_port, proxy_protocol, is_served } =
            self;
        *is_served = opening.is_served;
        *page = opening.page;
        (*pos, *limit, *large, *count) = (0, opening.limit, 0, 0);
        (*line, *fields) = (RequestLine::default(), HeaderParser::default());
        (*local_port, *proxy_protocol) = (opening.local_port, opening.proxy_protocol);
    }

    /// The bytes that have been read and not used: a body, or the next request.
    pub fn rest(&self) -> Slice {
        self.page.slice(self.pos..self.page.len())
    }

    /// True if there is no [`rest`](Head::rest).
    pub fn is_used_up(&self) -> bool {
        self.pos >= self.page.len()
    }

    /// Says that `n` of the [`rest`](Head::rest) are used up.
    pub fn consume(&mut self, n: usize) {
        self.pos = self.pos.saturating_add(n).min(self.page.len());
    }

    /// The request begins at `pos` of the page: something else stood before it.
    pub fn begin_at(&mut self, pos: usize) {
        self.pos = pos;
        self.line = RequestLine::at(pos);
    }

    /// What follows the body stands in another page: the next request begins at `pos` of it.
    pub fn go_on_in(&mut self, page: Page, pos: usize) {
        self.page = page;
        self.pos = pos;
    }

    /// Takes the usual lines that come next, as many as there are.
    fn take_usual(&mut self, fields: &mut HeadersIn, max: u64) -> Stop {
        let Some(mut at) = self.fields.begins() else { return Stop::Other };
        let (window, mut count) = (Span::reach(self.page.filled()), self.count);
        let stop = loop {
            // What it stops at is read with more care.
            let line = words::usual_line(window, at);
            let line = line.filter(|line| count < max && !fields.may_not_repeat(line.known));
            let Some(line) = line else {
                let Some([b'\r', b'\n', ..]) = window.get(at..) else { break Stop::Other };
                at += 2;
                break Stop::End;
            };
            let is_host = line.known == Known::Host;
            count += 1;
            at = line.next;
            fields.push(&line.into());
            if is_host {
                break Stop::Host;
            }
        };
        (self.fields, self.count) = (HeaderParser::at(at), count);
        stop
    }

    /// A counted view of a part of the page; most parts that a request may have are missing.
    fn slice(&self, span: Span) -> Slice {
        if span.is_empty() {
            return Slice::EMPTY;
        }
        self.page.slice(span.start as usize..span.end as usize)
    }
}

/// Why no further line was taken.
enum Stop {
    /// The last one says which server the request is for.
    Host,
    /// There is none: the head is complete.
    End,
    /// The next one is not usual, or not there.
    Other,
}

/// What one attempt to read more of the head came to.
pub enum More {
    /// There are more bytes in the page.
    Some,
    /// Not now; the connection is being waited for.
    Later,
}

/// The client's read slot while the request line is awaited.
///
/// # Errors
/// [`super::super::turn::Leave::Finish`] with the status of what is wrong, or with what the phases came to.
pub fn request_line(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if io.net.take_timed_out(x.client.conn, Side::Read) {
        return timed_out(x, r, io);
    }
    read_line(x, r, io)
}

/// Reads the request line, and what comes behind it, as far as they are there.
///
/// # Errors
/// As [`request_line`].
pub fn read_line(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if x.client.head.proxy_protocol && !super::proxy_protocol::take(x, r, io)? {
        return Ok(());
    }
    loop {
        // The parser goes on where it was: no byte is looked at twice, however the line is cut.
        let head = &mut x.client.head;
        match head.line.parse(head.page.filled()) {
            Ok(Step::Done) => {
                head.pos = head.line.pos();
                head.fields = HeaderParser::at(head.pos);
                take_line(x, r, io)?;
                // HTTP/0.9 is a line and no fields.
                if x[r].http_version < 1000 {
                    return begin(x, r, io);
                }
                x.swap_client_read(ClientRead::Headers);
                x.action = "reading client request headers";
                // They are mostly in the page already.
                return read_fields(x, r, io);
            }
            Ok(Step::Again) => match read_more(x, r, io, true)? {
                More::Some => {}
                More::Later => return Ok(()),
            },
            Err(bad) => {
                keep_line_for_log(x, r);
                return refuse(x, r, io, bad);
            }
        }
    }
}

/// The client's read slot while the fields are awaited.
///
/// # Errors
/// As [`request_line`].
pub fn headers(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    if io.net.take_timed_out(x.client.conn, Side::Read) {
        return timed_out(x, r, io);
    }
    read_fields(x, r, io)
}

fn read_fields(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    note_page(x, r);
    loop {
        let (client, request) = x.client_and_main();
        let core = &request.server.core;
        let stop = client.head.take_usual(&mut request.headers_in, *core.max_headers);
        let step = match stop {
            Stop::Host => None,
            Stop::End => Some(Ok(HeaderStep::Done)),
            Stop::Other => {
                Some(client.head.fields.parse_any(client.head.page.filled(), *core.underscores_in_headers))
            }
        };
        let now = client.head.fields.pos();
        let before = std::mem::replace(&mut client.head.pos, now);
        client.request_length += now.saturating_sub(before) as u64;
        match step {
            // The server it names may have other opinions on the lines that follow.
            None => super::fields::host(x, r, io)?,
            Some(Ok(HeaderStep::Field(field))) => take_field(x, r, io, field)?,
            Some(Ok(HeaderStep::Done)) => {
                super::fields::judge(x, r, io)?;
                return begin(x, r, io);
            }
            Some(Ok(HeaderStep::Again)) => match read_more(x, r, io, false)? {
                More::Some => note_page(x, r),
                More::Later => return Ok(()),
            },
            Some(Err(bad)) => return refuse(x, r, io, bad),
        }
    }
}

/// Fields that are found from now on stand in the present page, as far as it has been read.
fn note_page(x: &mut Exchange, r: RequestIx) {
    let page = &x.client.head.page;
    let whole = page.slice(0..page.len());
    x[r].headers_in.read_from(whole);
}

/// The head is complete: the phases begin (nginx: `ngx_http_process_request`).
fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    // The timer was for the head. Who reads the body sets another one.
    io.net.cancel_timer(x.client.conn, Side::Read);
    if let Some(count) = x.client.counted.replace(Count::Writing) {
        io.counters.down(count);
    }
    io.counters.up(Count::Writing);
    x.action = "";
    x.swap_client_read(ClientRead::Block);
    x[r].swap_write(crate::http::slots::ClientWrite::RunPhases);
    x[r].phase = 0;
    x[r].flags.valid_unparsed_uri = true;
    super::keepalive::wishes(x, io);
    // Where there is one server there is no TLS either.
    if !x.client.head.is_served {
        ssl::check::admit(x, r, io)?;
    }
    let (method, uri) = (&x[r].method_name, &x[r].uri);
    logging::log(x, r, io, Level::Debug, None, format_args!("http process request: {method} \"{uri}\""));
    phases::run(x, r, io)
}

fn take_line(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let (client, request) = x.client_and_main();
    let (head, line) = (&client.head, &client.head.line);
    client.request_length += (head.pos as u64).saturating_sub(u64::from(line.line.start));
    let (method, form) = (line.method, line.form);
    request.method = method;
    request.method_name = match method {
        Method::Unknown => head.slice(line.method_name),
        known => known.name().into(),
    };
    request.http_version = line.version() as u16;
    // Views of the page, all of them: they keep it alive for as long as the request needs them.
    request.request_line = head.slice(line.line);
    request.unparsed_uri = head.slice(line.uri);
    request.uri = head.slice(line.path);
    // A new request has nothing here, and most keep that.
    let rare = [
        (&mut request.args, line.args.unwrap_or_default()),
        (&mut request.exten, line.extension),
        (&mut request.schema, line.schema),
    ];
    for (text, span) in rare {
        if !span.is_empty() {
            *text = head.slice(span);
        }
    }
    request.flags.complex_uri = line.complex;
    request.flags.quoted_uri = line.quoted;
    request.flags.empty_path = line.empty_path;
    let name = head.slice(line.host);
    if line.complex
        && let Err(bad) = request.normalise()
    {
        return refuse(x, r, io, bad);
    }
    if form == Form::Authority {
        // There is no path, and locations are found by one.
        (request.uri, request.unparsed_uri) = ("/".into(), name.clone());
    }
    if method == Method::Trace {
        logging::log(x, r, io, Level::Info, None, format_args!("client sent TRACE method"));
        return Status::Http(405).finish();
    }
    if !name.is_empty() {
        host::set(x, r, io, &name)?;
    }
    // Which server it is for had to be known first.
    if method == Method::Connect && !x[r].server.core.accepts_connect {
        logging::log(x, r, io, Level::Info, None, format_args!("client sent CONNECT method"));
        return Status::Http(405).finish();
    }
    Ok(())
}

/// A field of a line that is not usual, or where there may be no such field.
#[cold]
fn take_field(x: &mut Exchange, r: RequestIx, io: &mut Io, field: Field) -> Turn {
    x.client.head.count += 1;
    let head = &x.client.head;
    let core = &x[r].server.core;
    if head.count > *core.max_headers {
        x.client.lingering = true;
        logging::log(x, r, io, Level::Info, None, format_args!("client sent too many header lines"));
        return Status::Http(request::TOO_LARGE_FIELDS).finish();
    }
    let (name, value) = (head.slice(field.name), head.slice(field.value));
    if field.invalid && *core.ignore_invalid_headers {
        let text = format_args!(
            "client sent invalid header line: \"{}: {}\"",
            logging::printable(&name),
            logging::printable(&value)
        );
        logging::log(x, r, io, Level::Info, None, text);
        return Ok(());
    }
    let is_host = field.known == Known::Host;
    if x[r].headers_in.may_not_repeat(field.known) {
        super::fields::refuse_second(x, r, io, field.known, &name, &value);
        return Status::Http(400).finish();
    }
    x[r].headers_in.push(&field);
    if is_host { super::fields::host(x, r, io) } else { Ok(()) }
}

/// Reads more of the head, into a larger page if this one is full.
#[cold]
fn read_more(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    in_line: bool,
) -> Result<More, super::super::turn::Leave> {
    let head = &mut x.client.head;
    if head.page.len() >= head.limit {
        grow(x, r, io, in_line)?;
    }
    receive(x, r, io)
}

/// Reads into the room that the page has.
///
/// # Errors
/// The client is gone.
pub fn receive(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<More, super::super::turn::Leave> {
    let head = &mut x.client.head;
    let room = head.limit.saturating_sub(head.page.len());
    let Some(c) = io.net.table.get_mut(x.client.conn) else { return Err(leave(Status::Error)) };
    if !c.read.ready {
        wait(x, r, io);
        return Ok(More::Later);
    }
    match c.recv(&mut head.page, room) {
        Ok(Received::Bytes(_)) => Ok(More::Some),
        Ok(Received::Again) => {
            wait(x, r, io);
            Ok(More::Later)
        }
        Ok(Received::End) => {
            let text = format_args!("client prematurely closed connection");
            logging::log(x, r, io, Level::Info, None, text);
            keep_line_for_log(x, r);
            Err(leave(Status::Http(400)).into_closed(x))
        }
        Err(error) => {
            logging::log(x, r, io, Level::Info, Some(&error), format_args!("recv() failed"));
            Err(leave(Status::Error))
        }
    }
}

fn wait(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if x.client.counted.is_none() {
        x.client.counted = Some(Count::Reading);
        io.counters.up(Count::Reading);
    }
    let timeout = *x[r].server.core.client_header_timeout;
    let conn = x.client.conn;
    // One deadline for the whole head: a byte now and then does not move it.
    let armed = io.conn(conn).is_some_and(|c| c.read.deadline != 0);
    if armed { io.net.wait_forever(conn, Side::Read) } else { io.net.wait(conn, Side::Read, timeout) }
}

fn leave(status: Status) -> super::super::turn::Leave {
    super::super::turn::Leave::Finish(status)
}

impl super::super::turn::Leave {
    /// The client is gone: the status is for the log, nothing is sent.
    fn into_closed(self, x: &mut Exchange) -> Self {
        if let super::super::turn::Leave::Finish(Status::Http(code)) = self {
            x.main_mut().headers_out.status = code;
        }
        leave(Status::Error)
    }
}

/// Moves the unfinished line to a large buffer (nginx: `ngx_http_alloc_large_header_buffer`).
fn grow(x: &mut Exchange, r: RequestIx, io: &mut Io, in_line: bool) -> Turn {
    let (number, size) = *x[r].server.core.large_client_header_buffers;
    let size = size as usize;
    let head = &mut x.client.head;
    let start = if in_line { head.line.line.start as usize } else { head.fields.pos() };
    // Only the line that is not complete moves: those before it are views of the old page.
    let unfinished = head.page.len().saturating_sub(start);
    let started = !in_line || head.line.started();
    if started && (unfinished >= size || head.large >= number) {
        x.client.lingering = true;
        let (text, status) = match in_line {
            true => ("client sent too long URI", 414),
            false if unfinished >= size => ("client sent too long header line", request::TOO_LARGE_FIELDS),
            false => ("client sent too large request", request::TOO_LARGE_FIELDS),
        };
        keep_line_for_log(x, r);
        logging::log(x, r, io, Level::Info, None, format_args!("{text}"));
        return Status::Http(status).finish();
    }
    let mut page = Page::with_capacity(size);
    if started {
        page.append(head.page.filled().get(start..).unwrap_or_default());
        head.large += 1;
        if in_line { head.line.rebase(start) } else { head.fields.rebase(start) }
    } else {
        head.line = RequestLine::at(0);
    }
    head.page = page;
    head.pos = 0;
    head.limit = size;
    Ok(())
}

/// What there is of the request line, so that the log shows it.
fn keep_line_for_log(x: &mut Exchange, r: RequestIx) {
    if !x[r].request_line.is_empty() {
        return;
    }
    let head = &x.client.head;
    let start = head.line.line.start as usize;
    let bytes = head.page.filled().get(start..).unwrap_or_default();
    let end = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    x[r].request_line = head.page.slice(start..start + end);
}

#[cold]
fn timed_out(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    logging::client_timed_out(x, r, io);
    keep_line_for_log(x, r);
    Status::Http(408).finish()
}

/// Refuses a malformed head: the status, the log line, and no further request on this connection.
///
/// # Errors
/// Always.
#[cold]
pub fn refuse(x: &mut Exchange, r: RequestIx, io: &mut Io, bad: Bad) -> Turn {
    x.client.poisoned = true;
    // The version may not have been read yet, and an answer without a head would puzzle everybody.
    if x[r].http_version < 1000 {
        x[r].http_version = 1000;
    }
    logging::log(x, r, io, Level::Info, None, format_args!("client sent {}", bad.reason()));
    Status::Http(bad.status()).finish()
}
