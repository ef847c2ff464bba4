//! A server without HTTP: master, workers, reloads, and one line for everybody who connects.
//!
//! *In nginx* a stream server with `return $pid;` comes near it.
//!
//! *Here* the smallest program on top of `headwater::process`: it shows what an [`App`] and a [`Cycle`] must
//! do, and lets the processes be tried alone. Its configuration is that of the main level, plus
//! `listen ADDRESS;` and `answer TEXT;`. Try it:
//!
//! ```text
//!   echo 'events {} listen 127.0.0.1:8000; worker_processes 2; daemon off; pid pid;' > /tmp/bare.conf
//!   cargo run --example bare -- -p /tmp -c bare.conf -e stderr
//! ```
//!
//! *Read next*: `src/process/cycle.rs`.

use headwater::conf::build::Cx;
use headwater::conf::core_conf::{self, Core};
use headwater::conf::directive::{Args, Directive, MAIN, Module};
use headwater::conf::docs;
use headwater::conf::error::ConfError;
use headwater::conf::error_log::{self, MainErrorLog};
use headwater::conf::load::{self, From};
use headwater::conf::merge::Confs;
use headwater::conf::merge::Scope;
use headwater::conf::registry::Registry;
use headwater::conf::tree::Line;
use headwater::event::directives as events;
use headwater::event::listening::Listen;
use headwater::log::{self, Targets};
use headwater::process::{App, ConfigSource, Cycle, WorkerContext};
use headwater::util::address::Address;
use headwater::{note, settings};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

settings! {
    /// What this program adds to the main level.
    pub struct Bare: Process {
        /// `answer`
        pub answer: String = String::from("hello"),
        plain {
            /// `listen`, each
            pub listens: Vec<Listen> = Vec::new()
        }
    }
}

fn listen(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?.as_str()?;
    let address = Address::parse(text, 80).ok_or_else(|| line.err("an address is wanted"))?;
    cx.conf::<Bare>().listens.push(Listen::new(address));
    Ok(())
}

static MODULE: Module = Module {
    name: "bare",
    directives: &[
        Directive::of("listen", MAIN, Args::Exactly(1)).doc("Where to listen.").set(listen),
        Directive::of("answer", MAIN, Args::Exactly(1))
            .default("hello")
            .doc("What to say.")
            .set(|cx, line| line.text(&mut cx.conf::<Bare>().answer)),
    ],
};

struct Program;

fn registry() -> Registry {
    Registry::new(&[&core_conf::MODULE, &events::MODULE, &error_log::MODULE, &MODULE])
}

impl App for Program {
    fn load(&self, source: &ConfigSource) -> Result<Box<dyn Cycle>, ConfError> {
        let registry = registry();
        let from = From { file: &source.conf, prefix: &source.prefix, globals: &source.globals };
        let mut warnings = Vec::new();
        let loaded = load::load(&registry, from, &mut warnings);
        for warning in &warnings {
            note!(log::process(), Warn, 0, "{}", warning.text);
        }
        let mut loaded = loaded?;
        let dump = load::dump(&loaded.files);
        let confs = loaded.sets.take(Scope::Process).freeze();
        let log = confs.get::<MainErrorLog>().targets(&source.error_log, &source.prefix);
        Ok(Box::new(Reading { confs, dump, log }))
    }

    fn directives(&self) -> String {
        docs::markdown(&registry())
    }
}

struct Reading {
    confs: Confs,
    dump: Vec<u8>,
    log: Targets,
}

impl Cycle for Reading {
    fn core(&self) -> &Core {
        self.confs.get()
    }

    fn log(&self) -> Targets {
        self.log.clone()
    }

    fn listens(&self) -> Vec<Listen> {
        self.confs.get::<Bare>().listens.clone()
    }

    fn keeps_stderr(&self) -> bool {
        self.confs.get::<MainErrorLog>().uses_stderr
    }

    fn dump(&self) -> Vec<u8> {
        self.dump.clone()
    }

    fn run_worker(&self, context: WorkerContext) -> i32 {
        match serve(&self.confs.get::<Bare>().answer, context) {
            Ok(()) => 0,
            Err(error) => {
                note!(log::process(), Alert, 0, &error; "the worker cannot go on");
                2
            }
        }
    }
}

/// Answers until asked to stop. The listener of number n has the token n, the inbox the one after them.
fn serve(answer: &str, context: WorkerContext) -> std::io::Result<()> {
    let mut poll = Poll::new()?;
    let watch = |fd: i32, number: usize| {
        poll.registry().register(&mut SourceFd(&fd), Token(number), Interest::READABLE)
    };
    let inbox_token = context.listeners.len();
    watch(context.inbox.as_raw_fd(), inbox_token)?;
    let mut listeners = Vec::new();
    for (number, listener) in context.listeners.into_iter().enumerate() {
        watch(listener.fd.as_raw_fd(), number)?;
        listeners.push(TcpListener::from(listener.fd));
    }
    let mut events = mio::Events::with_capacity(64);
    loop {
        poll.poll(&mut events, None)?;
        log::clock::update();
        for event in events.iter() {
            let Some(listener) = listeners.get(event.token().0) else {
                let asked = context.inbox.drain();
                if asked.reopen {
                    log::reopen(None);
                }
                if asked.quit || asked.terminate {
                    return Ok(());
                }
                continue;
            };
            while let Ok((mut client, _)) = listener.accept() {
                // A client that is gone already needs no answer.
                let _ = writeln!(client, "{answer} {}", std::process::id());
            }
        }
    }
}

fn main() -> ExitCode {
    headwater::process::run(std::env::args_os(), &Program)
}
