//! The command line.
//!
//! *In nginx* `ngx_get_options` walks each argument letter by letter, so that `-tq` is `-t -q`, and a
//! letter with a value takes the rest of its argument or, if that is empty, the next argument.
//!
//! *Here* the same walk, as a function from arguments to [`Args`]; nothing is opened or printed. Defaults are
//! constants of this file, shown by `-h`.
//!
//! ```text
//!   -tc conf/a.conf        t: test     c: value is the next argument
//!   -pwork/                p: value is the rest
//! ```
//!
//! *Read next*: `run.rs`, which obeys.

use super::cycle::{ConfigSource, Purpose};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What relative names are resolved against when there is no `-p`.
pub const PREFIX: &str = "/usr/local/headwater/";
/// The main file, relative to the prefix.
pub const CONF: &str = "conf/nginx.conf";
/// The error log, relative to the prefix.
pub const ERROR_LOG: &str = "logs/error.log";
/// The pid file, relative to the prefix.
pub const PID: &str = "logs/nginx.pid";

/// What `-s` sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Fast shutdown.
    Stop,
    /// Graceful shutdown.
    Quit,
    /// Open the log files again.
    Reopen,
    /// Read the configuration again.
    Reload,
}

impl Command {
    fn from_name(name: &[u8]) -> Option<Command> {
        match name {
            b"stop" => Some(Command::Stop),
            b"quit" => Some(Command::Quit),
            b"reopen" => Some(Command::Reopen),
            b"reload" => Some(Command::Reload),
            _ => None,
        }
    }
}

/// The options as given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// `-?`, `-h`
    pub help: bool,
    /// `-v`, `-V`, and with them the help
    pub version: bool,
    /// `-V`
    pub configure: bool,
    /// `-t`, `-T`
    pub test: bool,
    /// `-T`
    pub dump: bool,
    /// `-q`
    pub quiet: bool,
    /// `-s`
    pub signal: Option<Command>,
    /// `-p`
    pub prefix: Option<OsString>,
    /// `-e`
    pub error_log: Option<OsString>,
    /// `-c`
    pub conf: Option<OsString>,
    /// `-g`
    pub directives: Option<OsString>,
}

impl Args {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    /// nginx's complaint, without `nginx: ` in front.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, String> {
        let mut args = Args::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let Some(letters) = argument.as_bytes().strip_prefix(b"-") else {
                return Err(format!("invalid option: \"{}\"", argument.to_string_lossy()));
            };
            args.walk(letters, &mut arguments)?;
        }
        Ok(args)
    }

    fn walk(&mut self, letters: &[u8], more: &mut impl Iterator<Item = OsString>) -> Result<(), String> {
        let mut rest = letters;
        while let [letter, after @ ..] = rest {
            rest = after;
            match letter {
                b'?' | b'h' => (self.version, self.help) = (true, true),
                b'v' => self.version = true,
                b'V' => (self.version, self.configure) = (true, true),
                b't' => self.test = true,
                b'T' => (self.test, self.dump) = (true, true),
                b'q' => self.quiet = true,
                b's' | b'p' | b'e' | b'c' | b'g' => {
                    let value = if after.is_empty() {
                        more.next().filter(|value| !value.is_empty())
                    } else {
                        Some(OsString::from_vec(after.to_vec()))
                    };
                    return self.value(*letter, value);
                }
                other => return Err(format!("invalid option: \"{}\"", char::from(*other))),
            }
        }
        Ok(())
    }

    fn value(&mut self, letter: u8, value: Option<OsString>) -> Result<(), String> {
        let (place, what) = match letter {
            b'p' => (&mut self.prefix, "directory name"),
            b'e' => (&mut self.error_log, "file name"),
            b'c' => (&mut self.conf, "file name"),
            b'g' => (&mut self.directives, "parameter"),
            _ => {
                let value = value.ok_or("option \"-s\" requires parameter")?;
                let command = Command::from_name(value.as_bytes());
                let wrong = || format!("invalid option: \"-s {}\"", value.to_string_lossy());
                self.signal = Some(command.ok_or_else(wrong)?);
                return Ok(());
            }
        };
        match value {
            Some(value) => *place = Some(value),
            None => return Err(format!("option \"-{}\" requires {what}", char::from(letter))),
        }
        Ok(())
    }

    /// Where the configuration is, by these options and the defaults.
    pub fn source(&self) -> ConfigSource {
        let prefix = PathBuf::from(self.prefix.as_deref().unwrap_or(OsStr::new(PREFIX)));
        let conf = prefix.join(Path::new(self.conf.as_deref().unwrap_or(OsStr::new(CONF))));
        let error_log = self.error_log.as_ref().map(|name| name.to_string_lossy().into_owned());
        ConfigSource {
            conf,
            globals: self.directives.as_ref().map(|text| text.as_bytes().to_vec()).unwrap_or_default(),
            error_log: error_log.unwrap_or_else(|| ERROR_LOG.to_owned()),
            purpose: match self {
                Args { signal: Some(_), .. } => Purpose::Signal,
                Args { test: true, .. } => Purpose::Test,
                _ => Purpose::Run,
            },
            prefix,
        }
    }
}

/// What `-h` prints behind the version.
pub fn usage() -> String {
    format!(
        "Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: {PREFIX})
  -e filename   : set error log file (default: {ERROR_LOG})
  -c filename   : set configuration file (default: {CONF})
  -g directives : set global directives out of configuration file

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn letters_may_be_bundled_and_a_value_attached_or_next() {
        let args = parse("-tq -p/srv/ -c a.conf -Te stderr").expect("parsed");
        assert!(args.test && args.quiet && args.dump && !args.version);
        let source = args.source();
        assert_eq!(source.conf, Path::new("/srv/a.conf"));
        assert_eq!(source.error_log, "stderr");
        assert_eq!(source.purpose, Purpose::Test);
        assert_eq!(source.conf_dir(), Path::new("/srv/"));
    }

    #[test]
    fn without_options_everything_is_below_the_prefix() {
        let source = parse("").expect("parsed").source();
        assert_eq!(source.conf, Path::new(PREFIX).join(CONF));
        assert_eq!(source.full("/abs"), Path::new("/abs"));
        assert_eq!(source.purpose, Purpose::Run);
    }

    #[test]
    fn complaints_are_worded_as_in_nginx() {
        for (line, text) in [
            ("-x", "invalid option: \"x\""),
            ("-tx", "invalid option: \"x\""),
            ("foo", "invalid option: \"foo\""),
            ("--help", "invalid option: \"-\""),
            ("-tc", "option \"-c\" requires file name"),
            ("-p", "option \"-p\" requires directory name"),
            ("-e", "option \"-e\" requires file name"),
            ("-g", "option \"-g\" requires parameter"),
            ("-s", "option \"-s\" requires parameter"),
            ("-s foo", "invalid option: \"-s foo\""),
        ] {
            assert_eq!(parse(line), Err(text.to_owned()), "{line}");
        }
    }

    #[test]
    fn signals_and_version_are_told_apart() {
        assert_eq!(parse("-sreload").map(|args| args.signal), Ok(Some(Command::Reload)));
        assert_eq!(parse("-s stop").map(|args| args.source().purpose), Ok(Purpose::Signal));
        assert_eq!(parse("-V").map(|args| (args.version, args.configure)), Ok((true, true)));
        assert_eq!(parse("-h").map(|args| (args.version, args.help)), Ok((true, true)));
        assert_eq!(parse("-").map(|args| args.version), Ok(false));
    }
}
