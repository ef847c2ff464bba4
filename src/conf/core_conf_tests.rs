//! The directives of the main level, read from a line of text.
//!
//! *Here* the tables are searched as for a real file; only the file is missing.
//!
//! *Read next*: `core_conf.rs`.

use super::*;
use crate::conf::include::Reader;
use crate::conf::registry::Registry;
use std::path::Path;

/// Reads `text` as the main level and shows what `look` sees, or the complaint and the warnings.
fn read<T>(text: &str, look: impl Fn(&Core) -> T) -> Result<T, String> {
    let registry = Registry::new(&[&MODULE]);
    let mut cx = Cx::new(&registry, "/prefix", "/prefix/conf");
    let tree = Reader::new(Path::new("")).command_line(text.as_bytes());
    cx.apply_tree(&tree).map_err(|error| error.to_string())?;
    Ok(look(cx.conf::<Core>()))
}

fn complaint(text: &str) -> String {
    read(text, |_| ()).err().unwrap_or_default()
}

#[test]
fn a_mask_names_processors_from_its_right_end_and_the_last_mask_serves_the_rest() {
    let affinity = read("worker_cpu_affinity 0001 1010;", |core| core.worker_cpu_affinity.clone());
    let affinity = affinity.expect("read");
    assert_eq!(affinity.of(0), Some(vec![0]));
    assert_eq!(affinity.of(7), Some(vec![1, 3]));
    assert_eq!(Affinity::Auto(vec![2, 4]).of(3), Some(vec![4]));
    assert_eq!(Affinity::Auto(Vec::new()).of(3), None);
    assert_eq!(Affinity::Any.of(0), None);
    assert!(complaint("worker_cpu_affinity 012;").starts_with("invalid character \"2\""));
}

#[test]
fn the_number_of_workers_is_a_number_or_auto() {
    let count = |text: &str| read(text, |core| *core.worker_processes);
    assert_eq!(count(""), Ok(1));
    assert_eq!(count("worker_processes 3;"), Ok(3));
    assert!(count("worker_processes auto;").is_ok_and(|n| n >= 1));
    assert!(complaint("worker_processes 0;").starts_with("invalid value \"0\""));
    assert!(complaint("worker_processes 1; worker_processes 2;").contains("is duplicate"));
}

#[test]
fn names_are_relative_to_the_prefix_and_times_are_milliseconds() {
    let text = "pid run/pid; working_directory core; worker_shutdown_timeout 2m; worker_priority -5;";
    let seen = read(text, |core| {
        let times = (*core.worker_shutdown_timeout, *core.worker_priority);
        (core.pid.to_path_buf(), core.working_directory.clone().into_inner(), times)
    });
    let folder = PathBuf::from("/prefix/core");
    assert_eq!(seen, Ok((PathBuf::from("/prefix/run/pid"), Some(folder), (120_000, -5))));
}

#[test]
fn a_variable_is_kept_or_given_a_value() {
    let env = read("env A; env B=c=d;", |core| core.env.clone());
    assert_eq!(env, Ok(vec![("A".into(), None), ("B".into(), Some("c=d".into()))]));
}

#[test]
fn what_cannot_be_obeyed_is_an_error_that_says_why() {
    for line in ["lock_file a;", "timer_resolution 1ms;", "thread_pool a threads=1;", "load_module a;"] {
        assert!(complaint(line).contains("\" directive is not supported: "), "{line}");
    }
    assert!(complaint("debug_points walk;").starts_with("invalid value \"walk\""));
    let user = complaint("user no_such_user_here;");
    assert!(!user::is_root() || user.starts_with("getpwnam(\"no_such_user_here\") failed"), "{user}");
}
