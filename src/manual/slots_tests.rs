//! The table of the chapter is what the code says.

use crate::http::slots::{ClientRead, ClientWrite, PeerRead, PeerWrite, is_legal};
use std::fmt::Debug;

/// All values of an enum; does not compile when one is missing.
macro_rules! all {
    ($name:ident: $kind:ident: $($value:ident)*) => {
        const $name: &[$kind] = {
            const fn _known(value: $kind) {
                match value { $($kind::$value => {})* }
            }
            &[$($kind::$value),*]
        };
    };
}

all!(READS: ClientRead: RequestLine Headers Block ReadBody StreamBody DiscardBody CheckBroken TestReading
    UpgradedRead);
all!(WRITES: ClientWrite: Empty RunPhases CheckBroken AwaitPeer AwaitCache ProcessDownstream
    NonBufferedDownstream UpgradedWrite Writer Finalizer Delay Resume);
all!(PEER_READS: PeerRead: Greet ProcessHeader ProcessUpstream NonBufferedUpstream UpgradedRead);
all!(PEER_WRITES: PeerWrite: Greet SendRequest Idle UpgradedWrite);

/// A set of values as a table shows it.
fn shown<T: Debug + PartialEq>(all: &[T], some: &[T]) -> String {
    let names = |list: Vec<&T>| list.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", ");
    match all.len() - some.len() {
        0 => "any".to_owned(),
        1..=2 if all.len() > 4 => {
            format!("any but {}", names(all.iter().filter(|v| !some.contains(v)).collect()))
        }
        _ => names(some.iter().collect()),
    }
}

/// The rows, with equal ones joined.
fn rows() -> Vec<String> {
    let mut peers = vec![None];
    peers.extend(PEER_READS.iter().flat_map(|r| PEER_WRITES.iter().map(move |w| Some((*r, *w)))));
    // (peer.read, its peer.writes, its request.writes, the legal client.reads)
    type Row = (Option<PeerRead>, Vec<PeerWrite>, Vec<ClientWrite>, Vec<ClientRead>);
    let mut rows: Vec<Row> = Vec::new();
    for peer in peers {
        let mut of_peer: Vec<Row> = Vec::new();
        for write in WRITES.iter().copied() {
            let legal: Vec<_> = READS.iter().copied().filter(|read| is_legal(*read, write, peer)).collect();
            match of_peer.iter_mut().find(|row| row.3 == legal) {
                _ if legal.is_empty() => {}
                Some(row) => row.2.push(write),
                None => {
                    of_peer.push((peer.map(|p| p.0), peer.iter().map(|p| p.1).collect(), vec![write], legal))
                }
            }
        }
        for row in of_peer {
            match rows.iter_mut().find(|r| r.0.is_some() && (r.0, &r.2, &r.3) == (row.0, &row.2, &row.3)) {
                Some(same) => same.1.extend(row.1),
                None => rows.push(row),
            }
        }
    }
    let line = |(read, peers, requests, clients): &Row| {
        let read = read.map_or("–".to_owned(), |read| format!("{read:?}"));
        let peers = if peers.is_empty() { "–".to_owned() } else { shown(PEER_WRITES, peers) };
        format!("| {read} | {peers} | {} | {} |", shown(WRITES, requests), shown(READS, clients))
    };
    rows.iter().map(line).collect()
}

#[test]
fn the_table_is_the_one_of_is_legal() {
    let chapter = include_str!("slots.rs");
    let head =
        "//! | peer.read | peer.write | request.write | client.read |\n//! | --- | --- | --- | --- |\n";
    let printed = chapter.split_once(head).map_or("", |(_, rest)| rest);
    let printed: Vec<_> =
        printed.lines().map_while(|l| l.strip_prefix("//! ").filter(|l| l.starts_with('|'))).collect();
    let rows = rows();
    assert!(printed == rows, "the table of src/manual/slots.rs should be\n//! {}", rows.join("\n//! "));
}

#[test]
fn every_stage_is_legal() {
    // Where a stage names several values, each of one column may come with each of the others.
    let (code, chapter) = (include_str!("../http/slots.rs"), include_str!("slots.rs"));
    let table = |text: &str| {
        let rows = text.lines().skip_while(|l| !l.contains("| stage |")).skip(2);
        rows.map_while(|l| l.strip_prefix("//! |")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(table(code), table(chapter), "the stages of src/http/slots.rs and of the manual");
    assert!(table(code).len() >= 10);
    for row in table(code) {
        let columns: Vec<Vec<&str>> = row.split('|').map(|c| c.split([' ', ',', '/']).collect()).collect();
        let named = |n: usize, value: &dyn Debug| columns[n].contains(&format!("{value:?}").as_str());
        let mut seen = 0;
        for read in READS.iter().filter(|v| named(1, v)) {
            for write in WRITES.iter().filter(|v| named(2, v)) {
                if columns[3].contains(&"–") {
                    assert!(is_legal(*read, *write, None), "{row}: {read:?} {write:?}");
                    seen += 1;
                }
                for (p, w) in PEER_READS.iter().flat_map(|p| PEER_WRITES.iter().map(move |w| (*p, *w))) {
                    // "connecting / greeting" names two pairs
                    let pair = (p == PeerRead::Greet) == (w == PeerWrite::Greet);
                    if named(3, &p) && named(4, &w) && pair {
                        assert!(
                            is_legal(*read, *write, Some((p, w))),
                            "{row}: {read:?} {write:?} {p:?} {w:?}"
                        );
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 0, "no combination found in {row}");
    }
}
