//! The reference of directives, printed from the tables the parser obeys.
//!
//! *In nginx*: the documentation is a separate repository of XML files; it can disagree with the server.
//!
//! *Here*: what [`Directive`] says is what is enforced, and this file only lays it out, so that a directive
//! without documentation cannot exist and one with wrong contexts is a bug that shows. It must not know any
//! module by name.
//!
//! *Read next*: `directive`.

use super::directive::{ANYWHERE, Args, CONTEXT_NAMES, Contexts, Directive};
use super::registry::Registry;

/// The text of `docs/directives.md`: modules by name, their directives in the order of their tables.
pub fn markdown(registry: &Registry) -> String {
    let mut modules = registry.modules().to_vec();
    modules.sort_by_key(|module| module.name);
    let mut out = String::from("# Directives\n\nPrinted from the tables the configuration parser obeys.\n");
    for module in modules {
        out += &format!("\n## {}\n\n", module.name);
        out += "| directive | contexts | arguments | default | |\n| --- | --- | --- | --- | --- |\n";
        for directive in module.directives {
            out += &row(directive);
        }
    }
    out
}

fn row(directive: &Directive) -> String {
    let Directive { name, default, doc, .. } = directive;
    let block = if directive.block { " `{ … }`" } else { "" };
    let default = if default.is_empty() { "–".to_owned() } else { format!("`{}`", cell(default)) };
    let (contexts, args) = (contexts(directive.contexts), args(directive.args));
    format!("| `{name}`{block} | {contexts} | {args} | {default} | {} |\n", cell(doc))
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The words for a set of contexts, as the manual lists them.
pub fn contexts(set: Contexts) -> String {
    if set == ANYWHERE {
        return "anywhere".to_owned();
    }
    let words: Vec<_> =
        CONTEXT_NAMES.iter().filter(|(bit, _)| set & bit != 0).map(|(_, word)| *word).collect();
    words.join(", ")
}

fn args(args: Args) -> String {
    match args {
        Args::None => "none".to_owned(),
        Args::Flag => "`on` or `off`".to_owned(),
        Args::Exactly(count) => count.to_string(),
        Args::Between(least, most) => format!("{least}–{most}"),
        Args::AtLeast(least) => format!("{least} or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::directive::{HTTP, Module, SERVER, UPSTREAM};

    static ZEBRA: Module = Module {
        name: "zebra",
        directives: &[Directive::of("stripes", HTTP | SERVER, Args::Between(1, 2))
            .default("a|b")
            .doc("How it looks.")
            .set(|_, _| Ok(()))],
    };
    static ADDER: Module = Module {
        name: "adder",
        directives: &[Directive::of("venom", UPSTREAM, Args::None)
            .block()
            .doc("What it has.")
            .set(|_, _| Ok(()))],
    };

    #[test]
    fn modules_are_sorted_and_every_directive_has_a_row() {
        let text = markdown(&Registry::new(&[&ZEBRA, &ADDER]));
        assert!(text.find("## adder") < text.find("## zebra"), "{text}");
        assert!(text.contains("| `venom` `{ … }` | upstream | none | – | What it has. |\n"), "{text}");
        assert!(text.contains("| `stripes` | http, server | 1–2 | `a\\|b` | How it looks. |\n"), "{text}");
    }
}
