//! What a module declares: the directives it owns.
//!
//! *In nginx*: `ngx_command_t`, an array ended by `ngx_null_command`. One bit set there mixes three things:
//! where the directive may stand, how many arguments it takes, and whether it opens a block. The offset of
//! the field to fill is a fourth column.
//!
//! *Here*: one column for each of the three, and no offsets: a setter is a function that names the field.
//! Two columns are new, `default` and `doc`, so that the reference manual is printed from the very table
//! the parser obeys (see `docs`). This file is data only; it must not know how tables are searched.
//!
//! ```text
//!   static MODULE: Module = Module { name: "sendfile", directives: &[
//!       Directive::of("sendfile", HTTP | SERVER | LOCATION, Args::Flag)
//!           .default("off")
//!           .doc("…")
//!           .set(|cx, line| line.flag(&mut cx.conf::<Core>().sendfile)) ] };
//! ```
//!
//! *Read next*: `registry` (many tables become one look-up), `build` (who calls `set`), `value` (what a
//! setter is usually made of).

use super::build::Cx;
use super::error::ConfError;
use super::tree::Line;

/// A set of places where a directive may stand; one bit each, or-ed together in const tables.
pub type Contexts = u32;

/// Outside every block (`NGX_MAIN_CONF`).
pub const MAIN: Contexts = 1;
/// Inside `events {}`.
pub const EVENTS: Contexts = 1 << 1;
/// Directly inside `http {}`.
pub const HTTP: Contexts = 1 << 2;
/// Directly inside `server {}` of `http {}`.
pub const SERVER: Contexts = 1 << 3;
/// Directly inside `location {}`.
pub const LOCATION: Contexts = 1 << 4;
/// Directly inside `upstream {}`.
pub const UPSTREAM: Contexts = 1 << 5;
/// Inside an `if {}` of a server.
pub const SERVER_IF: Contexts = 1 << 6;
/// Inside an `if {}` of a location.
pub const LOCATION_IF: Contexts = 1 << 7;
/// Inside `limit_except {}`.
pub const LIMIT_EXCEPT: Contexts = 1 << 8;
/// Where most of what concerns a request may stand: it is inherited from level to level.
pub const LEVELS: Contexts = HTTP | SERVER | LOCATION;
/// Everywhere, as `include`.
pub const ANYWHERE: Contexts = u32::MAX;

/// The bits with the words the manual uses for them, in the manual's order.
pub const CONTEXT_NAMES: &[(Contexts, &str)] = &[
    (MAIN, "main"),
    (EVENTS, "events"),
    (HTTP, "http"),
    (SERVER, "server"),
    (LOCATION, "location"),
    (UPSTREAM, "upstream"),
    (SERVER_IF, "if in server"),
    (LOCATION_IF, "if in location"),
    (LIMIT_EXCEPT, "limit_except"),
];

/// How many arguments a directive takes, its name not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Args {
    /// None at all (`NGX_CONF_NOARGS`).
    None,
    /// One, and it is `on` or `off` (`NGX_CONF_FLAG`). The count is checked before the setter runs, the
    /// word by [`Line::flag`].
    Flag,
    /// That many (`NGX_CONF_TAKE1` …).
    Exactly(usize),
    /// From the first number to the second, both included (`NGX_CONF_TAKE12` …).
    Between(usize, usize),
    /// That many or more (`NGX_CONF_1MORE`, `NGX_CONF_2MORE`).
    AtLeast(usize),
}

impl Args {
    /// Whether `count` arguments are right.
    pub const fn allow(self, count: usize) -> bool {
        match self {
            Args::None => count == 0,
            Args::Flag => count == 1,
            Args::Exactly(n) => count == n,
            Args::Between(least, most) => least <= count && count <= most,
            Args::AtLeast(n) => count >= n,
        }
    }
}

/// One directive: a row of a module's table.
#[derive(Debug)]
pub struct Directive {
    /// The word that starts the line.
    pub name: &'static str,
    /// Where it may stand. The same name may have several rows with disjoint contexts.
    pub contexts: Contexts,
    /// How many arguments it takes.
    pub args: Args,
    /// Whether it ends in `{ … }` rather than `;`.
    pub block: bool,
    /// The default as nginx's documentation prints it; empty when there is none.
    pub default: &'static str,
    /// One or two sentences for the reference.
    pub doc: &'static str,
    /// Called once for each line of that name, after place, form and number of arguments were checked.
    pub set: Setter,
}

/// What a row does with a line.
pub type Setter = fn(&mut Cx, &Line) -> Result<(), ConfError>;

impl Directive {
    /// Begins a row; [`Row::set`] ends it.
    pub const fn of(name: &'static str, contexts: Contexts, args: Args) -> Row {
        Row(Directive { name, contexts, args, block: false, default: "", doc: "", set: |_, _| Ok(()) })
    }
}

/// A row that is being written: a simple directive without a default, unless more is said.
#[must_use]
pub struct Row(Directive);

impl Row {
    /// It ends in `{ … }`.
    pub const fn block(self) -> Row {
        Row(Directive { block: true, ..self.0 })
    }

    /// What holds where it does not stand.
    pub const fn default(self, default: &'static str) -> Row {
        Row(Directive { default, ..self.0 })
    }

    /// What the reference says of it.
    pub const fn doc(self, doc: &'static str) -> Row {
        Row(Directive { doc, ..self.0 })
    }

    /// What is done with a line.
    pub const fn set(self, set: Setter) -> Directive {
        Directive { set, ..self.0 }
    }
}

/// A named table of directives: one feature, one module.
#[derive(Debug)]
pub struct Module {
    /// The name in the reference, e.g. `upstream_keepalive`.
    pub name: &'static str,
    /// Its directives.
    pub directives: &'static [Directive],
}
