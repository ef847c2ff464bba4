//! The `error_log` directive, which may stand on every level.
//!
//! *In nginx* the main level has `ngx_error_log` and the http module another directive of the same name; each
//! `location` keeps a pointer to its own list or its parent's.
//!
//! *Here* one row serves all levels. A level with lines of its own writes to these and not to its parent's; a
//! level without has its parent's, and http without has the main level's, which has the file given with `-e`
//! (or `logs/error.log`) when the configuration names none. Files are only named here and opened later.
//!
//! ```text
//!   error_log a;  http { error_log b; error_log c debug; location / {} location /x { error_log d; } }
//!   main ▶ a             http ▶ b, c                     / ▶ b, c        /x ▶ d
//! ```
//!
//! *Read next*: `log/target.rs`.

use super::build::Cx;
use super::directive::{Args, Directive, LEVELS, MAIN, Module};
use super::error::ConfError;
use super::merge::{Conf, Scope};
use super::tree::Line;
use crate::conf_slot;
use crate::log::target::{self, Sink};
use crate::log::{Level, Target, Targets};
use std::path::{Path, PathBuf};

/// The lines of the main level.
#[derive(Default)]
pub struct MainErrorLog {
    /// In order; empty when there are none.
    pub own: Vec<Target>,
    /// Whether any level names standard error, which must then stay what it is.
    pub uses_stderr: bool,
}

impl Conf for MainErrorLog {
    const SCOPE: Scope = Scope::Process;
    conf_slot!();
}

impl MainErrorLog {
    /// Where messages of the main level go. `default` is what `-e` said: `stderr`, or a file relative to
    /// `prefix`.
    pub fn targets(&self, default: &str, prefix: &Path) -> Targets {
        if !self.own.is_empty() {
            return Targets::new(self.own.clone());
        }
        let sink = match default {
            "stderr" => Sink::Stderr,
            name => Sink::File(crate::log::file::of(prefix.join(name))),
        };
        Targets::new(vec![Target { level: Level::Error, sink }])
    }
}

/// The lines of an http, server or location level.
#[derive(Default)]
pub struct ErrorLog {
    own: bool,
    targets: Option<Targets>,
}

impl Conf for ErrorLog {
    const SCOPE: Scope = Scope::Location;
    conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        if !self.own {
            self.targets.clone_from(&parent.targets);
        }
        Ok(())
    }
}

impl ErrorLog {
    /// Where messages of this level go; None for the main level's ([`crate::log::process`]).
    pub fn targets(&self) -> Option<&Targets> {
        self.targets.as_ref()
    }

    fn add(&mut self, target: Target) {
        let mut list = match (&self.targets, self.own) {
            (Some(targets), true) => targets.list().to_vec(),
            _ => Vec::new(),
        };
        list.push(target);
        (self.own, self.targets) = (true, Some(Targets::new(list)));
    }
}

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?.as_str()?;
    let level = line.args.get(1).map(|level| level.as_str()).transpose()?;
    let full = |name: &str| -> PathBuf { cx.path(name.as_bytes()) };
    let target = target::parse(name, level, full).map_err(|text| line.err(text))?;
    let main = cx.conf::<MainErrorLog>();
    main.uses_stderr |= matches!(target.sink, Sink::Stderr);
    match cx.context() {
        MAIN => cx.conf::<MainErrorLog>().own.push(target),
        _ => cx.conf::<ErrorLog>().add(target),
    }
    Ok(())
}

/// The table.
pub static MODULE: Module = Module {
    name: "error_log",
    directives: &[Directive::of("error_log", MAIN | LEVELS, Args::Between(1, 2))
        .default("logs/error.log error")
        .doc(
            "Where messages go, from which level on: a file, stderr, or syslog:server=…. Several lines \
                 make several copies; a level with lines of its own does not write to those outside.",
        )
        .set(set)],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::directive::{HTTP, LOCATION};
    use crate::conf::include::Reader;
    use crate::conf::merge::ConfSet;
    use crate::conf::registry::Registry;

    fn read(cx: &mut Cx, text: &str, context: u32) -> ConfSet {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("outer {{ {text} }}")).expect("written");
        let tree = Reader::new(Path::new("")).main_file(file.path());
        let line = tree.lines.first().expect("a line").clone();
        cx.block(&line, context, &[Scope::Location]).expect("read").take(Scope::Location)
    }

    #[test]
    fn lines_of_a_level_replace_those_outside_and_a_level_without_has_its_parents() {
        let registry = Registry::new(&[&MODULE]);
        let mut cx = Cx::new(&registry, "/p", "/p");
        let http = read(&mut cx, "error_log a; error_log b info;", HTTP);
        let (mut own, mut none) =
            (read(&mut cx, "error_log stderr crit;", LOCATION), read(&mut cx, "", LOCATION));
        own.merge(&http).expect("merged");
        none.merge(&http).expect("merged");
        let levels = |set: &ConfSet| -> Vec<Level> {
            let targets = set.get::<ErrorLog>().targets().map(Targets::list).unwrap_or_default();
            targets.iter().map(|target| target.level).collect()
        };
        assert_eq!(levels(&none), [Level::Error, Level::Info]);
        assert_eq!(levels(&own), [Level::Crit]);
        let main = cx.conf::<MainErrorLog>();
        assert!(main.uses_stderr && main.own.is_empty());
        assert!(main.targets("logs/error.log", Path::new("/p")).enabled(Level::Error));
    }
}
