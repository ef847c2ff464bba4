//! `auth_basic`: who may come in, by name and password.
//!
//! *In nginx* `ngx_http_auth_basic_module`.
//!
//! *Here* the same protocol (RFC 7617): without a right name and password the answer is 401 with a field that
//! tells the client to ask its user. The file of passwords is read for every request, so a change takes
//! effect at once; it has a line for each user: `name:password`, anything behind another colon is a comment,
//! as is a line that begins with `#`.
//!
//! ```text
//!   Authorization: Basic base64("name:password") ─▶ line of name ─▶ password.rs ─▶ Ok | 401 WWW-Authenticate
//! ```
//!
//! *Read next*: `password.rs`, `../auth_delay.rs`.

mod password;

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Contexts, Directive, LEVELS, LIMIT_EXCEPT, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::http::vars::core::basic_credentials;
use crate::log::Level;
use crate::settings;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

settings! {
    /// What a level asks for.
    pub struct AuthBasic: Location {
        /// `auth_basic`
        pub realm: Option<Template> = None,
        /// `auth_basic_user_file`
        pub user_file: Option<Template> = None,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Access, handler)],
    idle: Some(|confs| confs.get::<AuthBasic>().realm.is_none()),
    ..HttpModule::new(&TABLE)
};

const WHERE: Contexts = LEVELS | LIMIT_EXCEPT;

static TABLE: Module = Module {
    name: "http_auth_basic",
    directives: &[
        Directive::of("auth_basic", WHERE, Args::Exactly(1))
            .default("off")
            .doc("Asks for a name and a password; the text is shown to the user. off does not ask.")
            .set(auth_basic),
        Directive::of("auth_basic_user_file", WHERE, Args::Exactly(1))
            .doc("The file with names and passwords.")
            .set(user_file),
    ],
};

fn auth_basic(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let realm = Template::compile(cx, line, line.arg(0)?)?;
    line.store(&mut cx.conf::<AuthBasic>().realm, Some(realm))
}

fn user_file(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let path = line.arg(0)?.bytes();
    // A name that begins with a variable is complete when the variable is known.
    let path = if path.starts_with(b"$") {
        path.to_vec()
    } else {
        cx.conf_path(path).into_os_string().into_encoded_bytes()
    };
    let path = Template::compile(cx, line, &path)?;
    line.store(&mut cx.conf::<AuthBasic>().user_file, Some(path))
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<AuthBasic>();
    let (Some(realm), Some(file)) = (conf.realm.as_ref(), conf.user_file.as_ref()) else {
        return Status::Declined;
    };
    let realm = realm.eval(x, r, io);
    if *realm == *b"off" {
        return Status::Declined;
    }
    let given = x.main().headers_in.value(Known::Authorization).and_then(basic_credentials);
    let Some((name, given)) = given else {
        let text = format_args!("no user/password was provided for basic authentication");
        logging::log(x, r, io, Level::Info, None, text);
        return ask(x, r, &realm);
    };
    let path = file.eval(x, r, io);
    let path = Path::new(OsStr::from_bytes(&path));
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) => {
            let missing = error.kind() == ErrorKind::NotFound;
            let (level, status) = if missing { (Level::Error, 403) } else { (Level::Crit, 500) };
            let text = format_args!("open() \"{}\" failed", path.display());
            logging::log(x, r, io, level, Some(&error), text);
            return Status::Http(status);
        }
    };
    let shown = printable(&name);
    let Some(stored) = find(&content, &name) else {
        let text = format_args!("user \"{shown}\" was not found in \"{}\"", path.display());
        logging::log(x, r, io, Level::Error, None, text);
        return ask(x, r, &realm);
    };
    match password::matches(&given, stored) {
        Some(true) => Status::Ok,
        Some(false) => {
            logging::log(x, r, io, Level::Error, None, format_args!("user \"{shown}\": password mismatch"));
            ask(x, r, &realm)
        }
        None => {
            let text = format_args!("user \"{shown}\": the stored password cannot be understood");
            logging::log(x, r, io, Level::Crit, None, text);
            Status::INTERNAL
        }
    }
}

/// The stored password of a name.
fn find<'a>(file: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let stop = |b: &u8| matches!(b, b'\n' | b'\r');
    file.split(stop).filter(|line| !line.starts_with(b"#")).find_map(|line| {
        let (found, rest) = line.split_at_checked(name.len())?;
        let rest = rest.strip_prefix(b":").filter(|_| found == name)?;
        rest.split(|b| *b == b':').next()
    })
}

fn ask(x: &mut Exchange, r: RequestIx, realm: &Slice) -> Status {
    let field = [b"Basic realm=\"", &realm[..], b"\""].concat();
    x[r].headers_out.set("WWW-Authenticate", field);
    Status::Http(401)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_a_password_and_comments() {
        let file = b"# a:x\r\nab:1\na:2:comment\n\nc:\nb:last";
        let rows: [(&str, Option<&str>); 6] = [
            ("a", Some("2")),
            ("ab", Some("1")),
            ("b", Some("last")),
            ("c", Some("")),
            ("# a", None),
            ("d", None),
        ];
        for (name, want) in rows {
            assert_eq!(find(file, name.as_bytes()), want.map(str::as_bytes), "{name}");
        }
    }
}
