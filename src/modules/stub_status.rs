//! `stub_status`: how many clients there are, and what they do.
//!
//! *In nginx* `ngx_http_stub_status_module`.
//!
//! *Here* the same page, which monitoring everywhere can read, and the variables `$connections_*`. The
//! numbers are those of all workers together. One more is ours and has no place on nginx's page: the bytes of
//! replies that passed from socket to socket, `$bytes_spliced`; `return 200 $bytes_spliced;` shows it.
//!
//! ```text
//!   Active connections: 3
//!   server accepts handled requests
//!    12 12 40
//!   Reading: 0 Writing: 1 Waiting: 2
//! ```
//!
//! *Read next*: `http/counters.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::conf::CoreLocation;
use crate::http::counters::Count;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::send_response;
use crate::http::turn::Status;
use crate::http::vars::{Definition, definition};
use crate::parse::request_line::Method;

/// The module.
pub static MODULE: HttpModule = HttpModule { variables: Some(variables), ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_stub_status",
    directives: &[Directive::of("stub_status", SERVER | LOCATION, Args::Between(0, 1))
        .doc("Answers with the numbers of connections and requests.")
        .set(set)],
};

fn set(cx: &mut Cx, _: &Line) -> Result<(), ConfError> {
    cx.conf::<CoreLocation>().handler = Some(handler);
    Ok(())
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    if !matches!(x[r].method, Method::Get | Method::Head) {
        return Status::Http(405);
    }
    let sum = |what| io.counters.sum(what);
    let (active, waiting) = (sum(Count::Active), sum(Count::Waiting));
    let (accepted, handled, requests) = (sum(Count::Accepted), sum(Count::Handled), sum(Count::Requests));
    let (reading, writing) = (sum(Count::Reading), sum(Count::Writing));
    let page = format!(
        "Active connections: {active} \nserver accepts handled requests\n {accepted} {handled} {requests} \n\
         Reading: {reading} Writing: {writing} Waiting: {waiting} \n"
    );
    send_response(x, r, io, 200, Some("text/plain".into()), Slice::from(page))
}

fn variables() -> Vec<(&'static str, Definition)> {
    let of =
        |what| definition(move |_, _, io| Some(Slice::from(io.counters.sum(what).to_string()))).volatile();
    vec![
        ("connections_active", of(Count::Active)),
        ("connections_reading", of(Count::Reading)),
        ("connections_writing", of(Count::Writing)),
        ("connections_waiting", of(Count::Waiting)),
        ("bytes_spliced", of(Count::Spliced)),
    ]
}
