//! `disable_symlinks`: files are not to be reached through symbolic links.
//!
//! *In nginx* a part of `ngx_open_file_cache.c`: the path is opened component by component with
//! openat(2), each time without following a link, or comparing who owns the link and what it points at.
//!
//! *Here* likewise. A check before an ordinary open(2) would be no protection: the link could be made
//! between the two. The part of the path named by `from=` is trusted and opened at once.
//!
//! ```text
//!   from=/srv   /srv/a/b.txt      open /srv ─▶ openat "a" without links ─▶ openat "b.txt" without links
//! ```
//!
//! NGINX: a link to a directory in the middle of the path is "not a directory", so 404; at its end it is 403.
//!
//! *Read next*: `open_files.rs`, who opens everything through here.

use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::vars::Template;
use crate::sys::file::{link_owner, open_at};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

/// Which links may be followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// All.
    #[default]
    Follow,
    /// None.
    Never,
    /// Those that belong to the owner of what they point at.
    SameOwner,
}

/// The directive's arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    links: Links,
    from: Option<Template>,
}

/// What holds for one path: which links may be followed, and behind how many bytes that begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    links: Links,
    from: usize,
}

/// Reads the arguments of `disable_symlinks`.
///
/// # Errors
/// A word that is none of its parameters, or no choice at all.
pub fn read(cx: &mut Cx, line: &Line) -> Result<Rule, ConfError> {
    let mut rule = Rule::default();
    let mut chosen = None;
    for arg in &line.args {
        match arg.bytes() {
            b"off" => chosen = Some(Links::Follow),
            b"on" => chosen = Some(Links::Never),
            b"if_not_owner" => chosen = Some(Links::SameOwner),
            _ => match arg.after("from=") {
                Some(from) => rule.from = Some(Template::compile(cx, line, from)?),
                None => return Err(arg.invalid_parameter(&["off", "on", "if_not_owner", "from="])),
            },
        }
    }
    let Some(links) = chosen else {
        let text = "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter";
        return Err(line.err(text));
    };
    rule.links = links;
    Ok(rule)
}

impl Rule {
    /// What holds for a path of a request.
    pub fn guard(&self, x: &mut Exchange, r: RequestIx, io: &mut Io, path: &[u8]) -> Guard {
        let Some(from) = self.from.as_ref().filter(|_| self.links != Links::Follow) else {
            return Guard { links: self.links, from: 0 };
        };
        let from = from.eval(x, r, io);
        let none = Guard { links: self.links, from: 0 };
        if from.is_empty() || !path.starts_with(&from) {
            return none;
        }
        match (path.get(from.len()), from.last()) {
            (None, _) => Guard::default(),
            (Some(b'/'), _) => Guard { from: from.len(), ..none },
            (Some(_), Some(b'/')) => Guard { from: from.len() - 1, ..none },
            _ => none,
        }
    }
}

impl Guard {
    /// True if every link may be followed.
    pub fn is_open(self) -> bool {
        self.links == Links::Follow
    }

    /// Bytes that tell guards apart, for the key of a cache.
    pub fn key(self) -> Vec<u8> {
        format!("\0{:?}{}", self.links, self.from).into_bytes()
    }

    /// Opens a path for reading, link by link as far as it is guarded.
    ///
    /// # Errors
    /// What openat(2) said; ELOOP for a link that must not be followed.
    pub fn open(self, path: &[u8]) -> io::Result<File> {
        const SEARCH: i32 = libc::O_PATH | libc::O_DIRECTORY;
        const READ: i32 = libc::O_RDONLY | libc::O_NONBLOCK;
        let (start, rest) = match path.split_at_checked(self.from) {
            Some((start, rest)) if !start.is_empty() => (Some(start), rest),
            _ => (path.starts_with(b"/").then_some(&b"/"[..]), path),
        };
        let mut dir = start.map(|start| open_at(None, start, SEARCH)).transpose()?;
        let mut names = rest.split(|b| *b == b'/').filter(|name| !name.is_empty()).peekable();
        // A slash at the end asks for a directory.
        let last = if rest.ends_with(b"/") { READ | libc::O_DIRECTORY } else { READ };
        while let Some(name) = names.next() {
            let flags = if names.peek().is_some() { SEARCH } else { last };
            dir = Some(self.step(dir.as_ref(), name, flags)?);
        }
        match dir {
            Some(fd) if rest.iter().all(|b| *b == b'/') => Ok(File::from(open_at(Some(&fd), b".", last)?)),
            Some(fd) => Ok(File::from(fd)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn step(self, dir: Option<&OwnedFd>, name: &[u8], flags: i32) -> io::Result<OwnedFd> {
        if self.links == Links::Never {
            return open_at(dir, name, flags | libc::O_NOFOLLOW);
        }
        let file = File::from(open_at(dir, name, flags)?);
        if file.metadata()?.uid() != link_owner(dir, name)? {
            return Err(io::Error::from_raw_os_error(libc::ELOOP));
        }
        Ok(file.into())
    }
}
