//! Every protocol module on the library's bench: each reply of the corpus in every way it can arrive.
//!
//! `make protocol-bench` prints how many ways that were.

mod corpus;

use corpus::{MODULES, replies};
use headwater::protocol::KINDS;
use headwater::protocol::bench::{Counts, every_way};

/// One line of the table.
fn row(name: &str, replies: usize, counts: &Counts) -> String {
    let Counts { cuts, many, bytes, truncations, trailing, first_peers, modes } = counts;
    let [memory, unbuffered, buffered, spliced] = modes;
    format!(
        "{name:10} {replies:7} {cuts:7} {many:6} {bytes:5} {truncations:9} {trailing:8} {first_peers:11} | \
         {memory:9} {unbuffered:10} {buffered:8} {spliced:7} | {:7}",
        counts.total()
    )
}

#[test]
fn every_module_is_the_same_in_every_way_a_reply_can_arrive() {
    let cases = replies::all();
    let mut table = vec![
        "module     replies    cuts   many bytes truncated trailing first peers | in memory unbuffered \
         buffered spliced |     all"
            .to_owned(),
    ];
    let (mut sum, mut failures) = (Counts::default(), Vec::new());
    for module in MODULES {
        let (mut counts, mut replies) = (Counts::default(), 0);
        for case in cases.iter().filter(|case| case.module == module) {
            let configured = case.configured();
            let asking = case.asking(&configured);
            replies += 1;
            let what = format!("{module}: \"{}\"", case.reply.escape_ascii());
            match every_way(&configured, &asking, &case.greeting, &case.reply) {
                Err(difference) => failures.push(format!("{what}: {difference}")),
                Ok(tried) => {
                    let (want, heard) = ((case.status, case.reusable), tried.heard);
                    assert_eq!((heard.head.status, heard.reusable), want, "{what}");
                    assert_eq!(heard.body.escape_ascii().to_string(), case.body.escape_ascii().to_string());
                    counts.add(&tried.counts);
                }
            }
        }
        assert!(replies > 0, "no reply for {module}");
        table.push(row(module, replies, &counts));
        sum.add(&counts);
    }
    table.push(row("all", cases.len(), &sum));
    println!("{}", table.join("\n"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_module_of_the_library_is_left_out() {
    // A tunnel reads nothing, so there is nothing to be read wrongly.
    for kind in KINDS.iter().filter(|kind| !kind.tunnels) {
        assert!(MODULES.contains(&kind.name), "{} has no replies in tests/corpus", kind.name);
    }
}
