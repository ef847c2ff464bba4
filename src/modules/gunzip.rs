//! `gunzip`: compressed answers unpacked for clients that cannot.
//!
//! *In nginx* `ngx_http_gunzip_filter_module`.
//!
//! *Here* the filter turns a gzip stream (RFC 1952), which may have several members, into what it was made
//! of. A kilobyte can become a megabyte, so input waits in the filter and at most `gunzip_buffers` worth of
//! output is made at a time; the bit `GZIP` of what is buffered says that there is more.
//!
//! ```text
//!   [member head][deflate …][crc, length][member head]…     Head ─▶ Body ─▶ Tail ─▶ Head …
//! ```
//!
//! *Read next*: `gzip_accept.rs`.

use super::gzip_accept;
use super::gzip_head::{Head, HeadStep};
use crate::buf::{Chain, Slice};
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, buffered, engage};
use crate::http::turn::Status;
use crate::log::Level;
use crate::settings;
use flate2::{Decompress, FlushDecompress};

settings! {
    /// `gunzip` and its like.
    pub struct Gunzip: Location {
        /// `gunzip`
        pub on: bool = false,
        /// `gunzip_buffers`
        pub buffers: (u64, u64) = (32, 4096),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Gunzip, run: filter }],
    idle: Some(|confs| !*confs.get::<Gunzip>().on),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_gunzip",
    directives: &[
        Directive::of("gunzip", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether compressed answers are unpacked for clients that do not accept them.")
            .set(|cx, line| line.flag(&mut cx.conf::<Gunzip>().on)),
        Directive::of("gunzip_buffers", LEVELS, Args::Exactly(2))
            .default("32 4k|16 8k")
            .doc("In how many portions of what size unpacked bytes go on at a time.")
            .set(|cx, line| line.buffers(&mut cx.conf::<Gunzip>().buffers)),
    ],
};

fn filter(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Gunzip>();
    let encoding = x[r].headers_out.get(b"Content-Encoding");
    if !*conf.on || !encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"gzip")) {
        return Ok(());
    }
    gzip_accept::mark_vary(x, r);
    if gzip_accept::accepts(x, r) {
        return Ok(());
    }
    let out = &mut x[r].headers_out;
    out.remove(b"Content-Encoding");
    out.clear_content_length();
    out.clear_accept_ranges();
    out.weak_etag();
    x[r].flags.need_in_memory = true;
    let (count, size) = *conf.buffers;
    let size = usize::try_from(size).unwrap_or(4096).clamp(256, 1 << 16);
    let count = usize::try_from(count).unwrap_or(32);
    engage(x, r, Box::new(Unpacker::new(count, size)));
    Ok(())
}

/// Where in a stream the next byte stands.
enum At {
    /// In the head of a member.
    Head(Head),
    Body,
    /// In the eight bytes behind one, so many of which are still to come.
    Tail(u8),
}

/// One stream that is being unpacked.
struct Unpacker {
    at: At,
    inflate: Decompress,
    waiting: Chain,
    /// A member has begun and not ended.
    open: bool,
    /// The last buffer was filled to the brim: there may be more without any new input.
    more: bool,
    count: usize,
    size: usize,
}

impl Unpacker {
    fn new(count: usize, size: usize) -> Unpacker {
        let inflate = Decompress::new(false);
        Unpacker {
            at: At::Head(Head::default()),
            inflate,
            waiting: Chain::default(),
            open: false,
            more: false,
            count,
            size,
        }
    }

    /// Unpacks some of `bytes` into at most one buffer; says how many bytes it took.
    fn step(&mut self, bytes: &[u8], out: &mut Chain) -> Result<usize, &'static str> {
        match &mut self.at {
            At::Head(head) => {
                self.open = true;
                let Some(first) = bytes.first() else { return Ok(0) };
                match head.take(*first)? {
                    HeadStep::More => {}
                    HeadStep::Done => {
                        self.inflate.reset(false);
                        self.at = At::Body;
                    }
                }
                Ok(1)
            }
            At::Tail(left) => {
                let taken = usize::from(*left).min(bytes.len());
                *left -= taken as u8;
                if *left == 0 {
                    self.at = At::Head(Head::default());
                    self.open = false;
                }
                Ok(taken)
            }
            At::Body => {
                let mut buffer = Vec::with_capacity(self.size);
                let before = self.inflate.total_in();
                let status = self.inflate.decompress_vec(bytes, &mut buffer, FlushDecompress::None);
                let status = status.map_err(|_| "inflate() failed")?;
                self.more = buffer.len() == buffer.capacity() && status != flate2::Status::StreamEnd;
                if status == flate2::Status::StreamEnd {
                    self.at = At::Tail(8);
                }
                out.push(Slice::from(buffer));
                let taken = self.inflate.total_in().saturating_sub(before);
                Ok(usize::try_from(taken).unwrap_or(bytes.len()).min(bytes.len()))
            }
        }
    }

    /// Nothing can go on without new input.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.more
    }

    /// Unpacks what waits, up to so many buffers.
    fn run(&mut self, out: &mut Chain) -> Result<(), &'static str> {
        let room = (self.size.saturating_mul(self.count)) as u64;
        while out.len() < room {
            let mut bytes = match self.waiting.pop_memory() {
                Some(bytes) => bytes,
                None if self.more => Slice::EMPTY,
                None => break,
            };
            let had = out.len();
            let taken = self.step(&bytes, out)?;
            if taken == 0 && out.len() == had && !bytes.is_empty() {
                return Err("inflate() failed");
            }
            bytes.advance(taken);
            self.waiting.push_front(bytes);
        }
        Ok(())
    }
}

impl BodyFilter for Unpacker {
    fn stage(&self) -> Stage {
        Stage::Gunzip
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        self.waiting.append(std::mem::take(input));
        let failed = match self.run(out) {
            Ok(()) if self.is_idle() && self.waiting.last && self.open => {
                Some("inflate() returned 0 on response end")
            }
            Ok(()) => None,
            Err(text) => Some(text),
        };
        if let Some(text) = failed {
            logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
            return Err(Status::Error);
        }
        if self.is_idle() {
            x[r].buffered &= !buffered::GZIP;
            out.flush |= self.waiting.flush;
            out.last = self.waiting.last;
            self.waiting.clear();
        } else {
            x[r].buffered |= buffered::GZIP;
        }
        Ok(())
    }
}
