//! Special responses: error pages, redirects, and the built-in pages.
//!
//! *In nginx* `ngx_http_special_response_handler`: looks for an `error_page`, else builds the page from
//! constants.
//!
//! *Here* the same in two steps: [`respond`] decides, [`page`] writes. An `error_page` that names a path
//! or a named location starts the request again there; one that names a URL becomes a redirect.
//!
//! *Read next*: `finalize.rs`, who calls it.

use super::body::discard;
use super::conf::ErrorPage;
use super::exchange::Exchange;
use super::headers::HeadersOut;
use super::io::Io;
use super::output::{header, output, send_header};
use super::redirect;
use super::turn::{Status, Turn};
use crate::buf::{Chain, Slice};
use crate::event::RequestIx;
use crate::parse::request_line::Method;

/// Answers with a status that needs a page: through `error_page` or with the built-in one.
///
/// # Errors
/// [`super::turn::Leave::Finish`] with what sending the page came to.
pub fn respond(x: &mut Exchange, r: RequestIx, io: &mut Io, code: u16) -> Turn {
    // Whatever makes the page, this is what the client is told, unless the page says otherwise.
    x[r].err_status = code;
    if x[r].is_main() {
        x.client.keepalive &= !closes_connection(code);
        // Of who does not speak the protocol nothing more is read.
        x.client.lingering &= !matches!(code, 400 | 495..=497);
    }
    // That of what was asked for, not of the page.
    x[r].headers_out.content_type = None;
    let core = x[r].loc.core.clone();
    // A page of a page only where the configuration asks for it: otherwise a missing 404 page would be
    // looked for by way of itself.
    let may_have_page = !x[r].flags.error_page || *core.recursive_error_pages;
    if may_have_page
        && x[r].uri_changes != 0
        && !core.error_pages.is_empty()
        && let Some(found) = core.error_pages.iter().find(|page| page.status == code)
    {
        return error_page(x, r, io, found, code);
    }
    x[r].flags.expect_tested = true;
    // The answer is an error in any case.
    let _ = discard::discard_request_body(x, r, io);
    page(x, r, io, code).finish()
}

/// Statuses after which the connection cannot be trusted.
fn closes_connection(code: u16) -> bool {
    matches!(code, 400 | 413 | 414 | 494 | 495 | 496 | 497 | 500 | 501)
}

fn error_page(x: &mut Exchange, r: RequestIx, io: &mut Io, found: &ErrorPage, code: u16) -> Turn {
    x[r].flags.error_page = true;
    match found.overwrite {
        // `=` alone: the status of whoever answers in the end.
        Some(0) => x[r].err_status = 0,
        Some(status) => x[r].err_status = status,
        None => {}
    }
    // 494 and its like are nginx's own and are shown as 400.
    if found.overwrite.is_none() && (494..=497).contains(&code) {
        x[r].err_status = 400;
    }
    // A path: the request starts again there, as a GET. A name: it starts again as it is. Anything else
    // is a URL for the client.
    let target = found.target.eval(x, r, io);
    if target.starts_with(b"/") {
        let (path, args) = match found.target.as_constant() {
            Some(_) => (target, found.args.clone()),
            None => redirect::split_args(&target),
        };
        if x[r].method != Method::Head {
            x[r].method = Method::Get;
            x[r].method_name = "GET".into();
        }
        return redirect::internal_redirect(x, r, io, path, args);
    }
    if target.starts_with(b"@") {
        return redirect::named_location(x, r, io, &target);
    }
    // The answer is an error in any case.
    let _ = discard::discard_request_body(x, r, io);
    x[r].flags.expect_tested = true;
    let status = found.overwrite.unwrap_or(302);
    x[r].err_status = status;
    x[r].headers_out.set("Location", target);
    page(x, r, io, status).finish()
}

/// Takes a response back whose head is passing the filters: a filter wants another status in its place, which
/// the handler gets as the answer of `send_header` and passes on (nginx: `ngx_http_filter_finalize_request`).
pub fn forget_response(x: &mut Exchange, r: RequestIx) {
    // Engaged for a body that is not going to come.
    x[r].filters.clear();
    x[r].buffered = 0;
    x[r].flags.disable_not_modified = true;
    let out = &mut x[r].headers_out;
    out.fields.retain(|field| {
        let name = &field.name;
        name.eq_ignore_ascii_case(b"WWW-Authenticate") || name.eq_ignore_ascii_case(b"Content-Range")
    });
    let fields = std::mem::take(&mut out.fields);
    *out = HeadersOut { fields, ..HeadersOut::default() };
}

/// Sends the built-in page of a status.
pub fn page(x: &mut Exchange, r: RequestIx, io: &mut Io, code: u16) -> Status {
    let shown = match code {
        // Codes of nginx's own that clients are not told.
        494..=497 => 400,
        _ => code,
    };
    let show_page = !matches!(shown, 100..=199 | 200 | 201 | 204 | 304 | 444);
    x[r].err_status = shown;
    x[r].headers_out.status = shown;
    let body = if show_page { builtin(x, r, code) } else { None };
    let out = &mut x[r].headers_out;
    // They belong to what was asked for, and a client might keep the page under its name.
    out.clear_accept_ranges();
    out.clear_last_modified();
    out.clear_etag();
    match &body {
        Some(body) => {
            out.content_type = Some("text/html".into());
            out.content_length = Some(body.len() as u64);
        }
        None => {
            out.content_length = (shown != 204 && shown != 304).then_some(0);
            out.content_type = None;
        }
    }
    out.charset = None;
    let sent = send_header(x, r, io);
    if sent == Status::Error || x[r].flags.header_only {
        return sent;
    }
    let mut chain = Chain::default();
    chain.last = true;
    if let Some(body) = body {
        chain.push(body);
    }
    output(x, r, io, chain)
}

/// The page itself, word for word nginx's: scripts look for it.
fn builtin(x: &Exchange, r: RequestIx, code: u16) -> Option<Slice> {
    let title = match code {
        494 => "400 Request Header Or Cookie Too Large",
        495 => "400 The SSL certificate error",
        496 => "400 No required SSL certificate was sent",
        497 => "400 The plain HTTP request was sent to HTTPS port",
        303 => "303 See Other",
        302 => "302 Found",
        401 => "401 Authorization Required",
        _ => header::reason(code)?,
    };
    let (short, detail) = match code {
        494 => ("400 Bad Request", "Request Header Or Cookie Too Large"),
        495 => ("400 Bad Request", "The SSL certificate error"),
        496 => ("400 Bad Request", "No required SSL certificate was sent"),
        497 => ("400 Bad Request", "The plain HTTP request was sent to HTTPS port"),
        _ => (title, ""),
    };
    let detail = if detail.is_empty() { String::new() } else { format!("<center>{detail}</center>\r\n") };
    let server = header::server_name(&x[r].loc);
    Some(Slice::from(format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{short}</h1></center>\r\n\
         {detail}<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )))
}
