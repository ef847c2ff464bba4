//! `gzip`: answers compressed on their way.
//!
//! *In nginx* `ngx_http_gzip_filter_module` over zlib. It sits behind the place where subrequests are put in,
//! so a page made of several is one stream.
//!
//! *Here* deflate is the flate2 crate's; the ten bytes before and the eight behind it (RFC 1952) are written
//! here. The compressor hands on what it has whenever its output is full; a flush makes it give up what it
//! holds back. Nothing is kept that would wait for room, so it has no bit of its own among what is buffered.
//!
//! ```text
//!   head ─▶ deflate(body) ─▶ crc32, length        Content-Encoding: gzip, ETag weak, no length, no ranges
//! ```
//!
//! *Read next*: `gzip_accept.rs`.

use super::gzip_accept;
use super::mime_types::MimeTypes;
use crate::buf::{Chain, Slice};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, engage};
use crate::http::turn::Status;
use crate::http::vars::definition;
use crate::log::Level;
use crate::settings;
use flate2::{Compress, Compression, FlushCompress};

settings! {
    /// `gzip` and its like.
    pub struct Gzip: Location {
        /// `gzip`
        pub on: bool = false,
        /// `gzip_types`
        pub types: MimeTypes = MimeTypes::html(),
        /// `gzip_min_length`
        pub min_length: u64 = 20,
        /// `gzip_comp_level`
        pub level: u64 = 1,
        /// `gzip_buffers`
        pub buffers: (u64, u64) = (32, 4096),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Gzip, run: filter }],
    variables: Some(|| vec![("gzip_ratio", definition(|x, r, _| ratio(x, r)).volatile())]),
    idle: Some(|confs| !*confs.get::<Gzip>().on),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_gzip",
    directives: &[
        Directive::of("gzip", LEVELS | LOCATION_IF, Args::Flag)
            .default("off")
            .doc("Whether answers are compressed for clients that accept it.")
            .set(|cx, line| line.flag(&mut cx.conf::<Gzip>().on)),
        Directive::of("gzip_types", LEVELS, Args::AtLeast(1))
            .default("text/html")
            .doc("Which content types are compressed besides text/html; * for all.")
            .set(|cx, line| {
                MimeTypes::set(cx, line, |cx| &mut cx.conf::<Gzip>().types);
                Ok(())
            }),
        Directive::of("gzip_min_length", LEVELS, Args::Exactly(1))
            .default("20")
            .doc("How long an answer must be to be worth it, if its length is known.")
            .set(|cx, line| line.size(&mut cx.conf::<Gzip>().min_length)),
        Directive::of("gzip_comp_level", LEVELS, Args::Exactly(1))
            .default("1")
            .doc("How much work compressing may be, from 1 to 9; 1 is the same as 2 here.")
            .set(level),
        Directive::of("gzip_buffers", LEVELS, Args::Exactly(2))
            .default("32 4k|16 8k")
            .doc("In what portions compressed bytes go on; their number is no limit here.")
            .set(|cx, line| line.buffers(&mut cx.conf::<Gzip>().buffers)),
    ],
};

fn level(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.number(&mut cx.conf::<Gzip>().level)?;
    match *cx.conf::<Gzip>().level {
        1..=9 => Ok(()),
        _ => Err(line.directive_err("value must be between 1 and 9")),
    }
}

/// Bytes that went in and came out, for `$gzip_ratio`.
struct Counted {
    before: u64,
    after: u64,
}

fn ratio(x: &Exchange, r: RequestIx) -> Option<Slice> {
    let Counted { before, after } = *x[r].ctx.get::<Counted>()?;
    // Hundredths, rounded; an answer that was never finished has none.
    let hundredths = before.saturating_mul(1000).checked_div(after)?.saturating_add(5) / 10;
    Some(format!("{}.{:02}", hundredths / 100, hundredths % 100).into())
}

fn filter(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Gzip>();
    let out = &x[r].headers_out;
    if !*conf.on
        || !matches!(out.status, 200 | 403 | 404)
        || out.get(b"Content-Encoding").is_some_and(|encoding| !encoding.is_empty())
        || out.content_length.is_some_and(|length| length < *conf.min_length)
        || !conf.types.contains(out.content_type.as_ref())
        || x[r].flags.header_only
    {
        return Ok(());
    }
    gzip_accept::mark_vary(x, r);
    if !gzip_accept::accepts(x, r) {
        return Ok(());
    }
    let out = &mut x[r].headers_out;
    out.set("Content-Encoding", "gzip");
    out.clear_content_length();
    out.clear_accept_ranges();
    out.weak_etag();
    x[r].flags.need_in_memory = true;
    let room = usize::try_from(conf.buffers.1).unwrap_or(4096).clamp(256, 1 << 16);
    engage(x, r, Box::new(Compressor::new(*conf.level, room)));
    Ok(())
}

/// One stream that is being compressed.
struct Compressor {
    deflate: Compress,
    checksum: crc32fast::Hasher,
    begun: bool,
    done: bool,
    buffer: Vec<u8>,
    room: usize,
    after: u64,
}

/// Deflate, no name, no time, written on Unix.
const HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

impl Compressor {
    fn new(level: u64, room: usize) -> Compressor {
        // What zlib-rs calls 1 is a quicker way that zlib does not have, and a quarter larger. An
        // operator who comes from nginx would send more than before; its 2 is smaller and quicker than
        // zlib's 1.
        let level = u32::try_from(level).unwrap_or(1).max(2);
        Compressor {
            deflate: Compress::new(Compression::new(level), false),
            checksum: crc32fast::Hasher::new(),
            begun: false,
            done: false,
            buffer: Vec::with_capacity(room),
            room,
            after: 0,
        }
    }

    fn push(&mut self, bytes: Slice, out: &mut Chain) {
        self.after = self.after.saturating_add(bytes.len() as u64);
        out.push(bytes);
    }

    /// Compresses `bytes` and passes on every full buffer; with a flush, all there is.
    fn feed(
        &mut self,
        mut bytes: &[u8],
        flush: FlushCompress,
        out: &mut Chain,
    ) -> Result<(), flate2::CompressError> {
        loop {
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(bytes, &mut self.buffer, flush)?;
            let used = usize::try_from(self.deflate.total_in().saturating_sub(before)).unwrap_or(bytes.len());
            bytes = bytes.get(used..).unwrap_or_default();
            let is_full = self.buffer.len() == self.buffer.capacity();
            let all = !matches!(flush, FlushCompress::None);
            if is_full || all && !self.buffer.is_empty() {
                let full = Slice::copy(&self.buffer);
                self.buffer.clear();
                self.push(full, out);
            }
            let ended = match flush {
                FlushCompress::Finish => status == flate2::Status::StreamEnd,
                _ => bytes.is_empty() && !is_full,
            };
            if ended {
                return Ok(());
            }
            self.buffer.reserve(self.room);
        }
    }

    fn run(&mut self, input: &mut Chain, out: &mut Chain) -> Result<(), flate2::CompressError> {
        if !self.begun {
            self.begun = true;
            self.push(Slice::from_static(HEAD), out);
        }
        while let Some(bytes) = input.pop_memory() {
            self.checksum.update(&bytes);
            self.feed(&bytes, FlushCompress::None, out)?;
        }
        if input.last {
            self.done = true;
            self.feed(b"", FlushCompress::Finish, out)?;
            let mut tail = self.checksum.clone().finalize().to_le_bytes().to_vec();
            // RFC 1952: the length modulo 2³².
            tail.extend_from_slice(&(self.deflate.total_in() as u32).to_le_bytes());
            self.push(tail.into(), out);
        } else if input.flush {
            self.feed(b"", FlushCompress::Sync, out)?;
        }
        Ok(())
    }
}

impl BodyFilter for Compressor {
    fn stage(&self) -> Stage {
        Stage::Gzip
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        if self.done || input.is_nothing() {
            *out = Chain::flags_of(input);
            return Ok(());
        }
        if self.run(input, out).is_err() {
            logging::log(x, r, io, Level::Alert, None, format_args!("deflate() failed"));
            return Err(Status::Error);
        }
        out.set_flags_of(input);
        if self.done {
            let before = self.deflate.total_in();
            x[r].ctx.set(Counted { before, after: self.after });
        }
        Ok(())
    }
}
