//! Lines through tables: levels, checks, the order of errors. The tables are a small nginx of its own.

use super::*;
use crate::conf::directive::*;
use crate::conf::load::{From, dump, load};
use crate::settings;

settings! {
    /// The process.
    pub struct Main: Process {
        /// `workers`
        pub workers: u64 = 1,
        plain {
            /// What `http` left.
            pub http: Option<Sets> = None,
            /// The keys of `map`.
            pub map: Vec<String> = Vec::new(),
        }
    }
}
settings! {
    /// Of `http` and `server`.
    pub struct Server: Server {
        /// `name`
        pub name: String = String::new(),
        plain {
            /// The servers in `http`.
            pub servers: Vec<Sets> = Vec::new(),
        }
    }
}
settings! {
    /// Of every level in `http`.
    pub struct Location: Location {
        /// `sendfile`
        pub sendfile: bool = false,
        /// `methods`
        pub methods: u32 = 1,
    }
}

const fn row(
    name: &'static str,
    contexts: Contexts,
    args: Args,
    block: bool,
    set: fn(&mut Cx, &Line) -> Result<(), ConfError>,
) -> Directive {
    Directive { name, contexts, args, block, default: "", doc: "", set }
}

const EVERY: Contexts = HTTP | SERVER | LOCATION;

static TEST: Module = Module {
    name: "test",
    directives: &[
        row("workers", MAIN, Args::Exactly(1), false, |cx, line| line.number(&mut cx.conf::<Main>().workers)),
        row("http", MAIN, Args::None, true, |cx, line| {
            let sets = cx.block(line, HTTP, &[Scope::Http, Scope::Server, Scope::Location])?;
            cx.conf::<Main>().http = Some(sets);
            Ok(())
        }),
        row("server", HTTP, Args::None, true, |cx, line| {
            let sets = cx.block(line, SERVER, &[Scope::Server, Scope::Location])?;
            cx.conf::<Server>().servers.push(sets);
            Ok(())
        }),
        row("server", UPSTREAM, Args::AtLeast(1), false, |_, _| Ok(())),
        row("upstream", HTTP, Args::Exactly(1), true, |cx, line| {
            cx.block(line, UPSTREAM, &[Scope::Upstream])?;
            if line.children().is_empty() {
                return Err(line.err_at_end("no servers are inside upstream"));
            }
            Ok(())
        }),
        row("name", HTTP | SERVER, Args::Exactly(1), false, |cx, line| {
            line.text(&mut cx.conf::<Server>().name)
        }),
        row("sendfile", EVERY, Args::Flag, false, |cx, line| line.flag(&mut cx.conf::<Location>().sendfile)),
        row("methods", EVERY, Args::AtLeast(1), false, |cx, line| {
            cx.warn_repeated(line);
            line.bits(&mut cx.conf::<Location>().methods, &[("get", 2), ("post", 4)])
        }),
        row("map", MAIN, Args::None, true, |cx, line| {
            for child in line.children() {
                child.arg(0)?;
                cx.conf::<Main>().map.push(child.name.to_string());
            }
            Ok(())
        }),
    ],
};

struct Run {
    result: Result<Sets, String>,
    warnings: Vec<String>,
}

fn run(text: &str, globals: &str) -> Run {
    let registry = Registry::new(&[&TEST]);
    assert_eq!(registry.conflicts(), [""; 0]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, text).expect("a file");
    let mut warnings = Vec::new();
    let from = From { file: &file, prefix: Path::new("/prefix"), globals: globals.as_bytes() };
    let result = load(&registry, from, &mut warnings);
    let here = format!("{}/", dir.path().display());
    if let Ok(loaded) = &result {
        let dump = String::from_utf8_lossy(&dump(&loaded.files)).replace(&here, "");
        assert_eq!(dump, format!("# configuration file nginx.conf:\n{text}\n"));
    }
    let result = result.map(|loaded| loaded.sets).map_err(|e| e.to_string().replace(&here, ""));
    Run { result, warnings: warnings.into_iter().map(|w| w.text.replace(&here, "")).collect() }
}

fn error(text: &str) -> String {
    run(text, "").result.err().unwrap_or_default()
}

#[test]
fn each_level_gets_what_was_set_in_it() {
    let text = "workers 3;\nhttp { sendfile on; name a; server { name b; } server { sendfile off; } }";
    let mut sets = run(text, "").result.expect("a good configuration");
    let main = sets.get_mut::<Main>();
    assert_eq!(*main.workers, 3);
    let mut http = main.http.take().expect("http");
    assert!(*http.get_mut::<Location>().sendfile);
    assert_eq!(http.get::<Server>().name.as_str(), "a");
    let mut servers = std::mem::take(&mut http.get_mut::<Server>().servers);
    assert_eq!(servers.len(), 2);
    assert_eq!(servers[0].get::<Server>().name.as_str(), "b");
    assert!(!servers[0].get::<Location>().sendfile.is_set());
    assert!(servers[1].get::<Location>().sendfile.is_set());
    let (mut first, mut second) = (servers.remove(0), servers.remove(0));
    assert_eq!((first.merge(&http), second.merge(&http)), (Ok(()), Ok(())));
    assert_eq!((*first.get::<Location>().sendfile, *second.get::<Location>().sendfile), (true, false));
    assert_eq!(*first.get::<Main>().workers, 1, "a scope that is not held reads as defaults");
}

#[test]
fn lines_are_checked_before_their_setter_runs() {
    for (text, expected) in [
        ("sendfile on;", "\"sendfile\" directive is not allowed here in nginx.conf:1"),
        ("http { workers 1; }", "\"workers\" directive is not allowed here in nginx.conf:1"),
        ("nothing 1;", "unknown directive \"nothing\" in nginx.conf:1"),
        ("nothing { }", "unknown directive \"nothing\" in nginx.conf:1"),
        (
            "http { sendfil on; }",
            "unknown directive \"sendfil\" (did you mean \"sendfile\"?) in nginx.conf:1",
        ),
        ("inclde x;", "unknown directive \"inclde\" (did you mean \"include\"?) in nginx.conf:1"),
        ("workers {}", "directive \"workers\" is not terminated by \";\" in nginx.conf:1"),
        ("http;", "directive \"http\" has no opening \"{\" in nginx.conf:1"),
        ("\nworkers;", "invalid number of arguments in \"workers\" directive in nginx.conf:2"),
        ("workers\n1\n2\n;", "invalid number of arguments in \"workers\" directive in nginx.conf:4"),
        ("http a {}", "invalid number of arguments in \"http\" directive in nginx.conf:1"),
        ("workers x;", "\"workers\" directive invalid number in nginx.conf:1"),
        ("workers 1; workers 1;", "\"workers\" directive is duplicate in nginx.conf:1"),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn one_name_means_different_things_in_different_places() {
    assert_eq!(error("http { upstream u { server a; server b; } server { } }"), "");
    assert_eq!(
        error("http { upstream u { server { } } }"),
        "directive \"server\" is not terminated by \";\" in nginx.conf:1"
    );
}

#[test]
fn the_first_error_of_the_file_is_the_one_reported() {
    for (text, expected) in [
        ("nothing;\n}", "unknown directive \"nothing\" in nginx.conf:1"),
        ("http {\n nothing;\n server {", "unknown directive \"nothing\" in nginx.conf:2"),
        ("http {\n server {\n", "unexpected end of file, expecting \"}\" in nginx.conf:3"),
        ("http { upstream u {\n", "unexpected end of file, expecting \"}\" in nginx.conf:2"),
        ("http { upstream u {\n}", "no servers are inside upstream in nginx.conf:2"),
        ("map { a b;\n c \"d\"e; }", "unexpected \"e\" in nginx.conf:2"),
        ("workers 1; ;", "unexpected \";\" in nginx.conf:1"),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn the_command_line_comes_first() {
    let mut sets = run("http {}", "workers 5;").result.expect("a good configuration");
    assert_eq!(*sets.get_mut::<Main>().workers, 5);
    let both = run("workers 1;", "workers 5;").result.err();
    assert_eq!(both.as_deref(), Some("\"workers\" directive is duplicate in nginx.conf:1"));
    let bad = run("", "worker 5;").result.err();
    assert_eq!(
        bad.as_deref(),
        Some("unknown directive \"worker\" (did you mean \"workers\"?) in command line")
    );
}

#[test]
fn warnings_are_collected_and_do_not_stop() {
    let run = run("http { methods get post GET;\n methods get; }", "");
    assert!(run.result.is_ok());
    assert_eq!(run.warnings, ["duplicate value \"GET\" in nginx.conf:1"]);
}

#[test]
fn file_names_start_at_the_prefix_or_beside_the_file() {
    let registry = Registry::new(&[]);
    let cx = Cx::new(&registry, "/prefix/", "/etc/nginx");
    assert_eq!(cx.path(b"logs/a.log"), Path::new("/prefix/logs/a.log"));
    assert_eq!(cx.path(b"/var/a.log"), Path::new("/var/a.log"));
    assert_eq!(cx.conf_path(b"a.pem"), Path::new("/etc/nginx/a.pem"));
    assert_eq!(cx.context(), MAIN);
}

#[test]
fn rows_that_share_name_and_context_are_told() {
    static TWICE: Module =
        Module { name: "twice", directives: &[row("map", MAIN | HTTP, Args::None, true, |_, _| Ok(()))] };
    assert_eq!(Registry::new(&[&TEST, &TWICE]).conflicts(), ["map"]);
}
