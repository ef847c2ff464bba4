//! The thin binary: everything is in the library.
//!
//! *In nginx* `main` in `src/core/nginx.c`, some 180 lines of straight calls.
//!
//! *Here* those calls are `process::run`; what the program can do is `worker::app::Program`.
//!
//! *Read next*: `process/run.rs`.

use headwater::worker::app::Program;
use std::process::ExitCode;

fn main() -> ExitCode {
    headwater::process::run(std::env::args_os(), &Program::default())
}
