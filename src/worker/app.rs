//! The program: the modules it is made of, and how their configuration becomes a cycle that workers run.
//!
//! *In nginx* the array `ngx_modules[]` that `configure` writes, and `ngx_init_cycle`.
//!
//! *Here* [`Program`] implements the seam to the process room. A program of one's own with further
//! modules is a `Program` with a longer list.
//!
//! *Read next*: `process/cycle.rs`, `http/block.rs: finish`.

use super::{Worker, helpers};
use crate::balance::Idle;
use crate::buf::Texts;
use crate::buf::temp_file::{PRIVATE, create_folders};
use crate::cache::Stores;
use crate::conf::build::Sets;
use crate::conf::core_conf::Core;
use crate::conf::error::ConfError;
use crate::conf::error_log::MainErrorLog;
use crate::conf::include::SourceFile;
use crate::conf::load::{From, dump, load};
use crate::conf::merge::Scope;
use crate::conf::registry::Registry;
use crate::conf::zone::Zones;
use crate::conf::{core_conf, docs, error_log};
use crate::event::directives::{self as events, Events};
use crate::event::listening::Listen;
use crate::event::{Net, clock};
use crate::http::block::HttpDraft;
use crate::http::counters::Counters;
use crate::http::cycle::HttpCycle;
use crate::http::finish::finish;
use crate::http::io::{Io, Services};
use crate::http::module::HttpModule;
use crate::log::{Level, Targets};
use crate::process::helper::Helper;
use crate::process::{App, ConfigSource, Cycle, WorkerContext};
use crate::protocol::Protocol;
use std::os::unix::fs::chown;
use std::rc::Rc;

/// A program: its HTTP modules.
pub struct Program {
    modules: Vec<&'static HttpModule>,
}

impl Default for Program {
    fn default() -> Program {
        let mut modules = crate::modules::MODULES.to_vec();
        modules.extend(crate::upstream::modules::modules());
        Program { modules }
    }
}

impl Program {
    /// The same with one more module.
    #[must_use]
    pub fn with(mut self, module: &'static HttpModule) -> Program {
        self.modules.push(module);
        self
    }

    /// The same with one more protocol: its `NAME_pass`, the directives of every upstream under its
    /// name, and its own.
    #[must_use]
    pub fn speaking<P: Protocol>(mut self) -> Program {
        self.modules.extend(crate::upstream::modules::of::<P>());
        self
    }

    /// All directives of all modules.
    pub fn registry(&self) -> Registry {
        let mut tables = vec![&core_conf::MODULE, &events::MODULE, &error_log::MODULE];
        tables.extend(self.modules.iter().map(|module| module.conf));
        Registry::new(&tables)
    }

    /// What has been read becomes what requests use: levels are merged and frozen.
    fn build(&self, source: &ConfigSource, sets: &mut Sets) -> Result<(Rc<HttpCycle>, Targets), ConfError> {
        let log = sets.get_mut::<MainErrorLog>().targets(&source.error_log, &source.prefix);
        // An `events` block has to be there, even if it is empty.
        sets.get_mut::<Events>().check()?;
        let http = sets.get_mut::<HttpDraft>().sets.take();
        let process = sets.take(Scope::Process).freeze();
        let cycle = match http {
            Some(mut http) => finish(&self.modules, &mut http, process, &log, &source.prefix)?,
            None => finish(&self.modules, &mut Sets::default(), process, &log, &source.prefix)?,
        };
        crate::upstream::check::conf::prepare(&cycle)?;
        Ok((Rc::new(cycle), log))
    }
}

impl App for Program {
    fn load(&self, source: &ConfigSource) -> Result<Box<dyn Cycle>, ConfError> {
        // The loop's clock begins here, before any worker is forked: what workers write into shared memory
        // is in milliseconds of the same beginning.
        clock::update();
        let registry = self.registry();
        let mut warnings = Vec::new();
        let from = From { file: &source.conf, prefix: &source.prefix, globals: &source.globals };
        let loaded = load(&registry, from, &mut warnings);
        // Warnings come out even if an error follows: they may be the reason for it.
        let log = crate::log::process();
        for warning in &warnings {
            log.write(Level::Warn, 0, None, format_args!("{}", warning.text));
        }
        let mut loaded = loaded?;
        // Memory that workers share is made last, when nothing else can go wrong.
        let zones = std::mem::take(loaded.sets.get_mut::<Zones>());
        let (http, log) = self.build(source, &mut loaded.sets)?;
        zones.map()?;
        for store in http.main.get::<Stores>().all() {
            store.check_inherited()?;
        }
        Ok(Box::new(Loaded { http, log, zones, files: loaded.files, counters: Counters::shared() }))
    }

    fn directives(&self) -> String {
        docs::markdown(&self.registry())
    }
}

/// One reading of the configuration.
struct Loaded {
    /// What workers serve from; read by all requests, changed by nobody.
    http: Rc<HttpCycle>,
    /// The `error_log` of the main level.
    log: Targets,
    /// Keeps the shared memory for the next reading to take over.
    #[expect(dead_code)]
    zones: Zones,
    /// The files as they were read, for `-T`.
    files: Vec<SourceFile>,
    /// Rows in shared memory, one for each worker, made before the fork so that all see all.
    counters: Counters,
}

impl Cycle for Loaded {
    fn core(&self) -> &Core {
        self.http.process.get::<Core>()
    }

    fn log(&self) -> Targets {
        self.log.clone()
    }

    fn listens(&self) -> Vec<Listen> {
        self.http.addresses.iter().map(|address| address.listen.clone()).collect()
    }

    fn keeps_stderr(&self) -> bool {
        self.http.process.get::<MainErrorLog>().uses_stderr
    }

    fn dump(&self) -> Vec<u8> {
        dump(&self.files)
    }

    fn prepare(&self, user: Option<(u32, u32)>) -> Result<(), String> {
        let stores = self.http.main.get::<Stores>().all();
        let caches = stores.iter().filter_map(|store| store.conf()).map(|conf| &conf.folder);
        for folder in self.http.temp_paths.iter().map(|path| &path.folder).chain(caches) {
            let shown = folder.display();
            let said = |call: &str, error: std::io::Error| format!("{call} \"{shown}\" failed ({error})");
            // Workers of another user must get through to it, and nobody else into it.
            let above = folder.parent().map_or(Ok(()), |above| create_folders(above, 0o755));
            above.and_then(|()| create_folders(folder, PRIVATE)).map_err(|error| said("mkdir()", error))?;
            if let Some((user, _)) = user {
                chown(folder, Some(user), None).map_err(|error| said("chown()", error))?;
            }
        }
        Ok(())
    }

    fn helpers(&self) -> Vec<Helper> {
        helpers::of(&self.http.main.get::<Stores>().all())
    }

    fn run_worker(&self, context: WorkerContext) -> i32 {
        let limit = *self.http.process.get::<Events>().worker_connections as usize;
        let index = context.index;
        let worker = Net::new(limit).and_then(|net| {
            let mut io = Io {
                net,
                cycle: self.http.clone(),
                counters: self.counters.of_process(),
                exiting: false,
                idle: Idle::default(),
                texts: Texts::default(),
                worker: index,
                services: Services::default(),
            };
            crate::http::ssl::conf::begin(&io.cycle)?;
            crate::upstream::pipe::pipes::prepare(&mut io);
            Worker::new(io, context)
        });
        match worker {
            Ok(mut worker) => worker.run(),
            Err(error) => {
                self.log.write(Level::Alert, 0, Some(&error), format_args!("cannot start the event loop"));
                2
            }
        }
    }
}
