//! `log_format`: a text with variables, and how their values are escaped.
//!
//! *In nginx* a list of operations, each with a function for its length and one that writes; a dozen names
//! (`$status`, `$time_local` …) have operations of their own that make no value in between.
//!
//! *Here* the same list; what the usual formats say of a request is written from where it stands. The line
//! is appended to memory that is used again, so such a line costs no allocation.
//!
//! | `escape=` | escaped | a missing value |
//! | --- | --- | --- |
//! | `default` | `"`, `\`, below 32, above 126: `\xHH` | `-` |
//! | `json` | `"`, `\` by a backslash; below 32: `\n` …, `\u00HH` | nothing |
//! | `none` | nothing | nothing |
//!
//! *Read next*: `sink.rs`.

use crate::buf::Slice;
use crate::conf::template::{Names, VarIx, variable_name};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::vars::core::logged;
use crate::http::vars::get;
use crate::log::clock;
use crate::sys::lanes::{LANES, Lanes};
use crate::util::numbers;
use std::io::Write;

/// How values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// For humans and most programs.
    Default,
    /// For the inside of a JSON string.
    Json,
    /// Not at all.
    None,
}

/// A compiled format.
#[derive(Debug)]
pub struct Format {
    escape: Escape,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Slice),
    Var(VarIx),
    /// A request field that may occur more than once; then it is the variable's business.
    Field(Known, VarIx),
    /// `$remote_user`, which nearly no request has.
    RemoteUser(VarIx),
    RemoteAddr,
    Request,
    Pipe,
    TimeLocal,
    TimeIso8601,
    Msec,
    RequestTime,
    Status,
    BytesSent,
    BodyBytesSent,
    RequestLength,
}

/// Variables whose values are written without being made first. All of them are the core's own, so no
/// configuration can give them another meaning.
fn special(names: &mut Names, name: &[u8]) -> Option<Part> {
    Some(match name {
        b"http_referer" => Part::Field(Known::Referer, names.index(name)),
        b"http_user_agent" => Part::Field(Known::UserAgent, names.index(name)),
        b"remote_user" => Part::RemoteUser(names.index(name)),
        b"remote_addr" => Part::RemoteAddr,
        b"request" => Part::Request,
        b"pipe" => Part::Pipe,
        b"time_local" => Part::TimeLocal,
        b"time_iso8601" => Part::TimeIso8601,
        b"msec" => Part::Msec,
        b"request_time" => Part::RequestTime,
        b"status" => Part::Status,
        b"bytes_sent" => Part::BytesSent,
        b"body_bytes_sent" => Part::BodyBytesSent,
        b"request_length" => Part::RequestLength,
        _ => return None,
    })
}

impl Format {
    /// Compiles a format.
    ///
    /// # Errors
    /// The text of the complaint: a `$` without a name.
    pub fn compile(names: &mut Names, escape: Escape, text: &[u8]) -> Result<Format, String> {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            if byte != b'$' {
                plain.push(byte);
                continue;
            }
            let found = variable_name(rest);
            let Some((name, after)) = found else {
                return Err(format!("invalid parameter \"{}\"", String::from_utf8_lossy(text)));
            };
            rest = after;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(special(names, name).unwrap_or_else(|| Part::Var(names.index(name))));
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Ok(Format { escape, parts })
    }

    /// Appends the line of a request, without a newline.
    pub fn write(&self, line: &mut Vec<u8>, x: &mut Exchange, r: RequestIx, io: &mut Io) {
        for part in &self.parts {
            match part {
                Part::Text(text) => line.extend_from_slice(text),
                Part::Var(ix) => {
                    let value = get(x, r, io, *ix);
                    self.value(line, value.as_deref());
                }
                Part::Field(known, ix) => {
                    if x.main().headers_in.all(*known).nth(1).is_none() {
                        self.value(line, x.main().headers_in.value(*known));
                    } else {
                        let joined = get(x, r, io, *ix);
                        self.value(line, joined.as_deref());
                    }
                }
                Part::RemoteUser(ix) => {
                    let given = x.main().headers_in.has(Known::Authorization);
                    let name = if given { get(x, r, io, *ix) } else { None };
                    self.value(line, name.as_deref());
                }
                Part::RemoteAddr => match io.net.table.get(x.client.conn) {
                    Some(c) => c.peer.write_host(line),
                    None => self.value(line, None),
                },
                Part::Request => {
                    let text = &x.main().request_line;
                    self.value(line, (!text.is_empty()).then_some(&**text));
                }
                Part::Pipe => line.push(if x.client.pipelined { b'p' } else { b'.' }),
                Part::TimeLocal => line.extend_from_slice(clock::time_local().as_bytes()),
                Part::TimeIso8601 => line.extend_from_slice(clock::time_iso8601().as_bytes()),
                Part::Msec => numbers::seconds(line, clock::unix_ms()),
                Part::RequestTime => numbers::seconds(line, logged::age(x)),
                Part::Status => numbers::three_digits(line, logged::status(x, r)),
                Part::BytesSent => numbers::decimal(line, logged::bytes_sent(x, io)),
                Part::BodyBytesSent => numbers::decimal(line, logged::body_bytes_sent(x, io)),
                Part::RequestLength => numbers::decimal(line, x.client.request_length),
            }
        }
    }
}

impl Format {
    /// Appends a value as the format wants it, or what stands for a missing one.
    fn value(&self, line: &mut Vec<u8>, value: Option<&[u8]>) {
        match value {
            Some(value) => escape(line, value, self.escape),
            None if self.escape == Escape::Default => line.push(b'-'),
            None => {}
        }
    }
}

/// Offset of the first byte that the default way of escaping does not leave as it is.
fn first_odd(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(lanes) = Lanes::at(text, at) {
        let odd = lanes.equal(b'"') | lanes.equal(b'\\') | lanes.below(b' ') | !lanes.below(127);
        // Lanes behind the end of the text are odd as well.
        at += (odd.trailing_zeros() as usize).min(LANES);
        if at >= text.len() {
            return None;
        }
        if odd.trailing_zeros() < LANES as u32 {
            return Some(at);
        }
    }
    text.iter().position(|&b| matches!(b, b'"' | b'\\' | ..32 | 127..))
}

/// Appends a value, escaped.
pub fn escape(line: &mut Vec<u8>, value: &[u8], how: Escape) {
    match how {
        Escape::None => line.extend_from_slice(value),
        Escape::Default => {
            let mut rest = value;
            while let Some(at) = first_odd(rest) {
                let (plain, tail) = rest.split_at(at);
                line.extend_from_slice(plain);
                if let Some((byte, tail)) = tail.split_first() {
                    // Writing to memory cannot fail.
                    let _ = write!(line, "\\x{byte:02X}");
                    rest = tail;
                }
            }
            line.extend_from_slice(rest);
        }
        Escape::Json => {
            for &byte in value {
                match byte {
                    b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
                    b'\n' => line.extend_from_slice(b"\\n"),
                    b'\r' => line.extend_from_slice(b"\\r"),
                    b'\t' => line.extend_from_slice(b"\\t"),
                    8 => line.extend_from_slice(b"\\b"),
                    12 => line.extend_from_slice(b"\\f"),
                    ..32 => drop(write!(line, "\\u{byte:04X}")),
                    _ => line.push(byte),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(value: &[u8], how: Escape) -> String {
        let mut line = Vec::new();
        escape(&mut line, value, how);
        String::from_utf8_lossy(&line).into_owned()
    }

    #[test]
    fn each_way_of_escaping_has_its_own_letters() {
        assert_eq!(escaped(b"a\"\\\n\x1b\xff", Escape::Default), "a\\x22\\x5C\\x0A\\x1B\\xFF");
        assert_eq!(escaped(b"a\"\\\n\x1b\t", Escape::Json), "a\\\"\\\\\\n\\u001B\\t");
        assert_eq!(escaped(b"a\"\\\n", Escape::None), "a\"\\\n");
    }

    #[test]
    fn what_must_be_escaped_is_found_wherever_it_stands() {
        for len in 0..50 {
            let mut text = vec![b'~'; len];
            assert_eq!(first_odd(&text), None);
            for at in (0..len).rev() {
                text[at] = [b'"', b'\\', 0, 31, 127, 255][at % 6];
                assert_eq!(first_odd(&text), Some(at), "{at} of {len}");
            }
        }
    }

    #[test]
    fn a_dollar_without_a_name_is_refused() {
        let mut names = Names::default();
        let error = Format::compile(&mut names, Escape::Default, b"100$").unwrap_err();
        assert_eq!(error, "invalid parameter \"100$\"");
        assert!(Format::compile(&mut names, Escape::Default, b"${host}x$status").is_ok());
    }
}
