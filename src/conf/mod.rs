//! The nginx.conf language, and the machinery by which modules declare directives.
//!
//! *In nginx*: `ngx_conf_file.c` reads a directive, looks its name up in every module's command table and
//! calls the setter at once, so reading and applying are one recursion. Values live in arrays of `void *`
//! that a setter reaches through an offset written into the table.
//!
//! *Here*: the same language in three steps that can be looked at separately. This directory knows bytes,
//! tables and levels; it must not know what any directive means, nor open a socket.
//!
//! ```text
//!  nginx.conf ─lexer─▶ statements ─include─▶ tree of Lines ─build─▶ Sets ─merge, freeze─▶ Confs
//!                                             │                   │                        │
//!                                    whole, no meaning    tables of Modules     what a request reads
//! ```
//!
//! *Read next*: `directive` (what a module writes), `merge` (where its values live), `build` (how lines
//! find their setters); then `lexer`, `include`, `tree` and `value` for the language itself; `load` is
//! the whole way.

pub mod build;
pub mod core_conf;
pub mod directive;
pub mod docs;
pub mod error;
pub mod error_log;
pub mod folders;
pub mod include;
pub mod lexer;
pub mod load;
pub mod merge;
pub mod pattern;
pub mod registry;
pub mod template;
pub mod tree;
pub mod value;
pub mod zone;
