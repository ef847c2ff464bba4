//! The shared directives, one row each.
//!
//! *In nginx* `ngx_http_proxy_commands[]` has most of them.
//!
//! *Here* in the order of what they concern: reaching a peer, timeouts, memory, what is passed on, which
//! peer is next, files.
//!
//! *Read next*: `setters.rs` for those that are more than a value.

use super::setters;
use super::{Row, of};
use crate::conf::directive::{Args, Contexts, LEVELS, LIMIT_EXCEPT, LOCATION, LOCATION_IF};

/// Where most of them may stand.
pub const ALL: Contexts = LEVELS;

/// Where the pass directive may stand.
pub const PASS: Contexts = LOCATION | LOCATION_IF | LIMIT_EXCEPT;

/// A row whose value is read by a parser of [`Line`](crate::conf::tree::Line): suffix, parser, field,
/// arguments, default, words.
macro_rules! plain {
    ($suffix:literal, $parser:ident, $field:ident, $args:expr, $default:literal, $doc:expr) => {
        Row {
            suffix: $suffix,
            contexts: ALL,
            args: $args,
            default: $default,
            doc: $doc,
            set: |cx, line| line.$parser(&mut of(cx, line, $suffix)?.$field),
        }
    };
}

/// A row with a setter of its own.
macro_rules! special {
    ($suffix:literal, $set:expr, $args:expr, $default:literal, $doc:expr) => {
        Row { suffix: $suffix, contexts: ALL, args: $args, default: $default, doc: $doc, set: $set }
    };
}

/// One argument.
pub const ONE: Args = Args::Exactly(1);

/// All of them.
pub const ROWS: &[Row] = &[
    special!(
        "bind",
        setters::bind,
        Args::Between(1, 2),
        "off",
        "The local address of connections to the peer; `transparent` for one that is not ours."
    ),
    plain!(
        "socket_keepalive",
        flag,
        socket_keepalive,
        Args::Flag,
        "off",
        "Whether the kernel probes connections to the peer (SO_KEEPALIVE)."
    ),
    special!("socket_rcvbuf", setters::rcvbuf, ONE, "", "The receive buffer of connections to the peer."),
    special!("socket_sndbuf", setters::sndbuf, ONE, "", "The send buffer of connections to the peer."),
    special!(
        "send_lowat",
        setters::send_lowat,
        ONE,
        "0",
        "Checked and warned of, as nginx does on Linux: the system has no such mark for sending."
    ),
    plain!("connect_timeout", msec, connect_timeout, ONE, "60s", "How long connecting to a peer may take."),
    plain!(
        "send_timeout",
        msec,
        send_timeout,
        ONE,
        "60s",
        "The longest pause between two writes to the peer."
    ),
    plain!(
        "read_timeout",
        msec,
        read_timeout,
        ONE,
        "60s",
        "The longest pause between two reads from the peer."
    ),
    plain!(
        "timeout",
        msec,
        timeout,
        ONE,
        "0",
        "How long one attempt at a peer may take, its whole reply included; 0 for no limit."
    ),
    plain!(
        "buffer_size",
        size,
        buffer_size,
        ONE,
        "4k",
        "The page the head of a reply is read into, and the only one of an unbuffered reply."
    ),
    plain!(
        "header_limit",
        size,
        header_limit,
        ONE,
        "64k",
        "How large the head of a reply may grow beyond the buffer size."
    ),
    special!(
        "buffers",
        setters::buffers,
        Args::Exactly(2),
        "8 4k",
        "How much of a buffered reply memory holds: number and size of pages."
    ),
    plain!(
        "busy_buffers_size",
        size,
        busy_buffers_size,
        ONE,
        "8k",
        "How much may be on its way to the client before more is handed over; if it is not set, two pages \
         of the larger kind, or what the others leave."
    ),
    plain!("buffering", flag, buffering, Args::Flag, "on", "Whether replies are read ahead of the client."),
    plain!(
        "request_buffering",
        flag,
        request_buffering,
        Args::Flag,
        "on",
        "Whether the client's body is read whole before a peer is asked."
    ),
    plain!(
        "max_temp_file_size",
        size,
        max_temp_file_size,
        ONE,
        "1024m",
        "How much of a reply may go to a temporary file; 0 for none, then the peer waits for the client."
    ),
    plain!(
        "temp_file_write_size",
        size,
        temp_file_write_size,
        ONE,
        "",
        "How much is written to a temporary file at once; if it is not set, all that memory holds."
    ),
    special!(
        "temp_path",
        setters::temp_path,
        Args::Between(1, 4),
        "",
        "The folder of temporary files and the digits of its levels."
    ),
    special!(
        "limit_rate",
        setters::limit_rate,
        ONE,
        "0",
        "Bytes a second that a buffered reply is read at; 0 for no limit."
    ),
    plain!(
        "pass_request_headers",
        flag,
        pass_request_headers,
        Args::Flag,
        "on",
        "Whether the peer gets the client's fields."
    ),
    plain!(
        "pass_request_body",
        flag,
        pass_request_body,
        Args::Flag,
        "on",
        "Whether the peer gets the client's body."
    ),
    special!(
        "pass_header",
        |cx, line| setters::header_name(cx, line, "pass_header", |conf| conf.pass_headers.edit()),
        ONE,
        "",
        "A field of replies that the client gets although it is hidden otherwise."
    ),
    special!(
        "hide_header",
        |cx, line| setters::header_name(cx, line, "hide_header", |conf| conf.hide_headers.edit()),
        ONE,
        "",
        "A field of replies that the client does not get, besides Date, Server, X-Pad and X-Accel-*."
    ),
    special!(
        "ignore_headers",
        |cx, line| setters::bits(
            cx,
            line,
            "ignore_headers",
            |conf| &mut conf.ignore_headers,
            setters::IGNORED
        ),
        Args::AtLeast(1),
        "",
        "Fields of replies that are not acted upon."
    ),
    plain!(
        "intercept_errors",
        flag,
        intercept_errors,
        Args::Flag,
        "off",
        "Whether error_page is for replies of peers too."
    ),
    plain!(
        "ignore_client_abort",
        flag,
        ignore_client_abort,
        Args::Flag,
        "off",
        "Whether the peer's work goes on when the client has gone."
    ),
    plain!(
        "force_ranges",
        flag,
        force_ranges,
        Args::Flag,
        "off",
        "Whether ranges are cut out of replies whatever they say."
    ),
    special!(
        "next_upstream",
        |cx, line| setters::bits(cx, line, "next_upstream", |conf| &mut conf.next_upstream, setters::NEXT),
        Args::AtLeast(1),
        "error timeout",
        "Which failures lead to the next peer."
    ),
    plain!(
        "next_upstream_tries",
        number,
        next_upstream_tries,
        ONE,
        "0",
        "How many peers are asked at most; 0 for all."
    ),
    plain!(
        "next_upstream_timeout",
        msec,
        next_upstream_timeout,
        ONE,
        "0",
        "How long after the first attempt a further one may begin; 0 for no limit."
    ),
    plain!(
        "fail_open",
        flag,
        fail_open,
        Args::Flag,
        "off",
        "Whether the least bad peer is asked when none may be."
    ),
    special!(
        "store",
        setters::store,
        ONE,
        "off",
        "Keeps replies as files: under the root, or where the argument says."
    ),
    special!(
        "store_access",
        setters::store_access,
        Args::Between(1, 3),
        "user:rw",
        "Who may read and write the files of `store`."
    ),
];
