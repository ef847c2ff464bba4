//! Log files, and the memory in front of them.
//!
//! *In nginx* `ngx_open_file_t` with an `ngx_http_log_buf_t` hung on it: a buffer belongs to the file, so all
//! `access_log` lines that name the file share it.
//!
//! *Here* the same. A buffer is written when a line does not fit, when `flush=` has passed since its first
//! line, when logs are reopened and when the worker ends; with `gzip` each of these makes one gzip member,
//! and members in a row are a valid file.
//!
//! ```text
//!   line ─▶ [ buffer ] ── full │ flush= │ USR1 │ end ──▶ (gzip) ──▶ write(2)
//! ```
//!
//! *Read next*: `log/file.rs`.

use super::LogMain;
use crate::event::clock;
use crate::event::timer::Key;
use crate::http::io::Io;
use crate::log::Level;
use crate::log::file::{self, LogFile};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::{Rc, Weak};

/// `buffer=`, `flush=` and `gzip=` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffering {
    /// How many bytes are kept.
    pub size: usize,
    /// For how many milliseconds at most.
    pub flush_ms: Option<u64>,
    /// The level they are compressed with.
    pub gzip: Option<u32>,
}

/// A log file with its buffer.
pub struct FileSink {
    file: Rc<LogFile>,
    /// How it is buffered, if at all; set while the configuration is read.
    pub buffering: OnceCell<Buffering>,
    data: RefCell<Vec<u8>>,
    /// When the buffer must be written, in milliseconds of the loop's clock; 0 for no time.
    due: Cell<u64>,
    /// The second of the last complaint: a full disk is reported once a second.
    complained: Cell<i64>,
}

/// Sinks with something in their buffers.
#[derive(Default)]
struct Filled(Vec<Rc<FileSink>>);

/// The sink of a path: the same for all who name it.
pub fn of(main: &mut LogMain, path: PathBuf) -> Rc<FileSink> {
    let known = main.sinks.iter().filter_map(Weak::upgrade).find(|sink| sink.file.path() == path);
    if let Some(known) = known {
        return known;
    }
    let sink = Rc::new(FileSink {
        file: file::of(path),
        buffering: OnceCell::new(),
        data: RefCell::default(),
        due: Cell::new(0),
        complained: Cell::new(i64::MIN),
    });
    main.sinks.push(Rc::downgrade(&sink));
    sink
}

/// Writes a line, or keeps it for later.
pub fn write(sink: &Rc<FileSink>, line: &[u8], io: &mut Io) {
    let Some(buffering) = sink.buffering.get() else {
        return sink.put(line, None, io);
    };
    if sink.data.borrow().len() + line.len() > buffering.size {
        sink.flush(io);
    }
    if line.len() > buffering.size {
        return sink.put(line, buffering.gzip, io);
    }
    let first = sink.data.borrow().is_empty();
    sink.data.borrow_mut().extend_from_slice(line);
    if !first {
        return;
    }
    io.services.get::<Filled>().0.push(sink.clone());
    if let Some(ms) = buffering.flush_ms {
        sink.due.set(clock::now().saturating_add(ms).max(1));
        set_timer(io);
    }
}

/// Writes all buffers out: the worker ends, or the files are about to be opened anew.
pub fn flush_all(io: &mut Io) {
    for sink in std::mem::take(&mut io.services.get::<Filled>().0) {
        sink.flush(io);
    }
}

/// Writes those buffers out whose time has come.
pub fn flush_due(io: &mut Io) {
    let now = clock::now();
    let is_due = |sink: &Rc<FileSink>| (1..=now).contains(&sink.due.get());
    let due: Vec<_> = io.services.get::<Filled>().0.extract_if(.., |sink| is_due(sink)).collect();
    for sink in due {
        sink.flush(io);
    }
    set_timer(io);
}

fn set_timer(io: &mut Io) {
    let filled = &io.services.get::<Filled>().0;
    let next = filled.iter().map(|sink| sink.due.get()).filter(|due| *due != 0).min();
    if let Some(next) = next {
        io.net.set_key_timer(Key::LogFlush, next.saturating_sub(clock::now()));
    }
}

impl FileSink {
    fn flush(self: &Rc<FileSink>, io: &mut Io) {
        self.due.set(0);
        io.services.get::<Filled>().0.retain(|other| !Rc::ptr_eq(other, self));
        let mut data = self.data.take();
        if !data.is_empty() {
            self.put(&data, self.buffering.get().and_then(|buffering| buffering.gzip), io);
        }
        data.clear();
        *self.data.borrow_mut() = data;
    }

    fn put(&self, bytes: &[u8], gzip: Option<u32>, io: &Io) {
        let written = match gzip {
            Some(level) => compress(bytes, level).and_then(|bytes| self.file.write(&bytes)),
            None => self.file.write(bytes),
        };
        let Err(error) = written else { return };
        let second = crate::log::clock::seconds();
        if self.complained.replace(second) != second {
            let text = format_args!("write() to \"{}\" failed", self.file.path().display());
            io.cycle.error_log.write(Level::Alert, 0, Some(&error), text);
        }
    }
}

fn compress(bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(level));
    encoder.write_all(bytes)?;
    encoder.finish()
}
