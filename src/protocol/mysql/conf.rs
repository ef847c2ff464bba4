//! MySQL's own directives.
//!
//! *In nginx* nothing.
//!
//! *Here* who logs in (`mysql_user`, `mysql_password`, `mysql_database`), what is asked
//! (`mysql_query`), and what the client gets (`mysql_format`). A connection that was logged in for one
//! location serves another one only if that has the same name, password and database.
//!
//! *Read next*: `query.rs`.

use super::query;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::protocol::values::Style;

crate::settings! {
    /// MySQL's own directives, at one level.
    #[derive(Debug)]
    pub struct MySqlLocation: Location {
        /// `mysql_query`
        pub query: Option<Template> = None,
        /// `mysql_format`
        pub format: Style = Style::JsonRows,
        /// `mysql_user`
        pub user: Vec<u8> = Vec::new(),
        /// `mysql_password`
        pub password: Vec<u8> = Vec::new(),
        /// `mysql_database`; empty for none
        pub database: Vec<u8> = Vec::new(),
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "mysql",
    directives: &[
        Directive::of("mysql_query", LEVELS | LOCATION_IF, Args::Exactly(1))
            .doc("The statement. A variable in it becomes a quoted string, whatever it holds.")
            .set(set_query),
        Directive::of("mysql_format", LEVELS, Args::Exactly(1))
            .default("json")
            .doc(
                "What the client gets: `json`, a list of objects, or `csv`, with the names of columns first.",
            )
            .set(|cx, line| line.choice(&mut cx.conf::<MySqlLocation>().format, FORMATS)),
        Directive::of("mysql_user", LEVELS, Args::Exactly(1))
            .doc("The name to log in with.")
            .set(|cx, line| line.string(&mut cx.conf::<MySqlLocation>().user)),
        Directive::of("mysql_password", LEVELS, Args::Exactly(1))
            .doc("The password to log in with; it is proved and not sent.")
            .set(|cx, line| line.string(&mut cx.conf::<MySqlLocation>().password)),
        Directive::of("mysql_database", LEVELS, Args::Exactly(1))
            .doc("The database that names of tables without one belong to.")
            .set(|cx, line| line.string(&mut cx.conf::<MySqlLocation>().database)),
    ],
};

const FORMATS: &[(&str, Style)] = &[("json", Style::JsonRows), ("csv", Style::Csv)];

fn set_query(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let template = Template::compile(cx, line, line.arg(0)?)?;
    if let Some(fault) = query::fault(&template) {
        return Err(line.err(fault));
    }
    line.store(&mut cx.conf::<MySqlLocation>().query, Some(template))
}
