//! `NAME_cache_path`: the line that makes a store.
//!
//! *In nginx* `ngx_http_file_cache_set_slot`, a row of the proxy, FastCGI, SCGI and uwsgi modules each.
//!
//! *Here* one setter for any prefix. A store may be named before it is declared, so what the line says is
//! put into the store that is there already; [`finish`] finds those that nobody declared. The parameters of
//! nginx's commercial purger are unknown, as they are in nginx.
//!
//! ```text
//!   proxy_cache_path /data levels=1:2 keys_zone=one:10m inactive=1h max_size=1g;
//!     └ folder         └ /data/c/29/b7f5…029c   └ Zone "one" in memory    └ the manager's orders
//! ```
//!
//! *Read next*: `manager.rs`, `loader.rs`, who obey the other parameters.

use super::{Store, Stores, find};
use crate::conf::build::{Cx, Sets};
use crate::conf::error::ConfError;
use crate::conf::folders::Use;
use crate::conf::tree::{Arg, Line};
use crate::conf::value::{parse_msec, parse_number, parse_sec, parse_size};
use std::cell::RefCell;
use std::path::PathBuf;

/// Digits of each level of sub-folders.
pub type Levels = Vec<usize>;

/// How much may be done at one go, and how long the rest is for others (`manager_…`, `loader_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Files.
    pub files: u64,
    /// The pause between two goes, in milliseconds.
    pub sleep_ms: u64,
    /// How long a go may last, in milliseconds.
    pub threshold_ms: u64,
}

const PACE: Pace = Pace { files: 100, sleep_ms: 50, threshold_ms: 200 };

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathConf {
    /// The folder.
    pub folder: PathBuf,
    /// Its sub-folders (`levels`).
    pub levels: Levels,
    /// Whether temporary files are made in the folder of `NAME_temp_path` and not beside the final ones.
    pub use_temp_path: bool,
    /// A file that was not asked for during so many seconds is deleted.
    pub inactive: u64,
    /// How many bytes all files together may have.
    pub max_size: u64,
    /// How many bytes of the file system are to stay free; 0 for no matter.
    pub min_free: u64,
    /// The manager's pace.
    pub manager: Pace,
    /// The loader's pace.
    pub loader: Pace,
}

impl PathConf {
    fn new(folder: PathBuf) -> PathConf {
        PathConf {
            folder,
            levels: Levels::new(),
            use_temp_path: true,
            inactive: 600,
            max_size: i64::MAX as u64,
            min_free: 0,
            manager: PACE,
            loader: PACE,
        }
    }
}

/// The smallest zone: two pages.
const SMALLEST: u64 = 8192;

const PARAMETERS: &[&str] = &[
    "levels=",
    "use_temp_path=",
    "keys_zone=",
    "inactive=",
    "max_size=",
    "min_free=",
    "manager_files=",
    "manager_sleep=",
    "manager_threshold=",
    "loader_files=",
    "loader_sleep=",
    "loader_threshold=",
];

thread_local! {
    static TAGS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// What zones of the caches of a protocol are tagged with; made once for each.
pub fn tag(prefix: &str) -> &'static str {
    TAGS.with_borrow_mut(|tags| {
        let tag = format!("{prefix}_cache");
        if let Some(known) = tags.iter().find(|known| **known == tag) {
            return *known;
        }
        let tag: &'static str = tag.leak();
        tags.push(tag);
        tag
    })
}

/// The setter of `NAME_cache_path`.
///
/// # Errors
/// nginx's, in its words.
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (conf, zone) = read(cx, line)?;
    let directive = line.name.as_str()?;
    let Some((name, bytes)) = zone.filter(|(name, _)| !name.is_empty()) else {
        return Err(line.err(format_args!("\"{directive}\" must have \"keys_zone\" parameter")));
    };
    let prefix = directive.strip_suffix("_cache_path").unwrap_or(directive).to_owned();
    cx.claim_folder(line, &conf.folder, Use::Cache)?;
    let store = find(cx, line, &name, Some(bytes), &prefix, None)?;
    store.conf.set(conf).map_err(|_| line.err(format_args!("duplicate zone \"{name}\"")))
}

fn read(cx: &Cx, line: &Line) -> Result<(PathConf, Option<(String, u64)>), ConfError> {
    let folder = line.arg(0)?;
    let folder = cx.path(folder.strip_suffix(b"/").unwrap_or(folder));
    let mut conf = PathConf::new(folder);
    let mut zone = None;
    for arg in line.args.iter().skip(1) {
        if let Some(text) = arg.after("keys_zone=") {
            let invalid = || line.err(format_args!("invalid keys zone size \"{arg}\""));
            let (name, bytes) = keys_zone(text).ok_or_else(invalid)?;
            if bytes < SMALLEST {
                return Err(line.err(format_args!("keys zone \"{arg}\" is too small")));
            }
            zone = Some((name, bytes));
        } else if let Some(text) = arg.after("levels=") {
            let invalid = || line.err(format_args!("invalid \"levels\" \"{arg}\""));
            conf.levels = levels(text).ok_or_else(invalid)?;
        } else if let Some(text) = arg.after("use_temp_path=") {
            conf.use_temp_path = match text {
                b"on" => true,
                b"off" => false,
                _ => {
                    let must = "it must be \"on\" or \"off\"";
                    return Err(line.err(format_args!("invalid use_temp_path value \"{arg}\", {must}")));
                }
            };
        } else {
            number(&mut conf, line, arg)?;
        }
    }
    Ok((conf, zone))
}

/// A parameter whose value is one number.
fn number(conf: &mut PathConf, line: &Line, arg: &Arg) -> Result<(), ConfError> {
    type Parser = fn(&[u8]) -> Option<u64>;
    let (manager, loader) = (&mut conf.manager, &mut conf.loader);
    let table: [(&str, Parser, &mut u64); 9] = [
        ("inactive", parse_sec, &mut conf.inactive),
        ("max_size", parse_size, &mut conf.max_size),
        ("min_free", parse_size, &mut conf.min_free),
        ("manager_files", parse_number, &mut manager.files),
        ("manager_sleep", parse_msec, &mut manager.sleep_ms),
        ("manager_threshold", parse_msec, &mut manager.threshold_ms),
        ("loader_files", parse_number, &mut loader.files),
        ("loader_sleep", parse_msec, &mut loader.sleep_ms),
        ("loader_threshold", parse_msec, &mut loader.threshold_ms),
    ];
    for (name, parser, value) in table {
        let text = arg.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        let Some(text) = text else { continue };
        let parsed = parser(text);
        *value = parsed.ok_or_else(|| line.err(format_args!("invalid {name} value \"{arg}\"")))?;
        return Ok(());
    }
    Err(arg.invalid_parameter(PARAMETERS))
}

/// `NAME:SIZE`
fn keys_zone(text: &[u8]) -> Option<(String, u64)> {
    let (name, size) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some((name.to_owned(), parse_size(size.as_bytes())?))
}

/// `1:2:2`: up to three levels of one or two digits.
fn levels(text: &[u8]) -> Option<Levels> {
    if text.is_empty() {
        return Some(Levels::new());
    }
    let parts = text.split(|byte| *byte == b':').map(|part| match part {
        b"1" => Some(1),
        b"2" => Some(2),
        _ => None,
    });
    parts.collect::<Option<Levels>>().filter(|levels| levels.len() <= 3)
}

/// To be called when all of `http {}` has been read.
///
/// # Errors
/// A name was used that no line declares.
pub fn finish(http: &mut Sets) -> Result<(), ConfError> {
    for store in http.get::<Stores>().all() {
        if let (None, Some((directive, place))) = (store.conf.get(), &store.wanted) {
            let text = format_args!("\"{directive}\" zone \"{}\" is unknown", store.name());
            return Err(ConfError::at(text, place));
        }
    }
    Ok(())
}

impl Store {
    /// The message if the memory was taken over from a configuration that stored other files under the same
    /// name. To be called when zones are mapped.
    ///
    /// # Errors
    /// nginx's, in its words.
    pub fn check_inherited(&self) -> Result<(), ConfError> {
        let (Some(conf), Some(records)) = (self.conf.get(), self.records()) else { return Ok(()) };
        let path = conf.folder.as_os_str().as_encoded_bytes();
        let levels: Vec<String> = conf.levels.iter().map(ToString::to_string).collect();
        let own = [path, b"\0", levels.join(":").as_bytes()].concat();
        let Some(before) = records.claim(&own) else { return Ok(()) };
        if before == own {
            return Ok(());
        }
        let name = self.name();
        let (old_path, _) = before.split_at(before.iter().position(|b| *b == 0).unwrap_or(before.len()));
        if old_path == path {
            return Err(ConfError::new(format!("cache \"{name}\" had previously different levels")));
        }
        let (path, old) = (conf.folder.display(), String::from_utf8_lossy(old_path).into_owned());
        let text = format!("cache \"{name}\" uses the \"{path}\" cache path");
        Err(ConfError::new(format!("{text} while previously it used the \"{old}\" cache path")))
    }
}
