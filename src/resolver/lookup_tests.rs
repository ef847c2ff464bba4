//! Names with one, two or no answers, and what is asked next.

use super::super::message::{Record, name};
use super::*;

fn names(text: &str) -> Name {
    name(text.as_bytes()).expect("a name")
}

fn lookup(service: bool) -> Lookup {
    Lookup::new(&names("a"), service, &Nameservers::new(Vec::new()))
}

fn number(kind: Kind) -> u16 {
    match kind {
        Kind::A => 1,
        Kind::Aaaa => 28,
        Kind::Srv => 33,
    }
}

fn said(asked: &str, kind: Kind, code: u8, records: &[(&str, Data)]) -> Message {
    let record = |(owner, data): &(&str, Data)| Record { name: names(owner), ttl: 60, data: data.clone() };
    Message {
        id: 0,
        truncated: false,
        code,
        question: Some((names(asked), number(kind))),
        records: records.iter().map(record).collect(),
        negative_ttl: None,
    }
}

fn ip(text: &str) -> Data {
    Data::Ip(text.parse().expect("an address"))
}

fn alias(to: &str) -> Data {
    Data::Alias(names(to))
}

fn found(lookup: &Lookup) -> Result<Vec<String>, ResolveError> {
    lookup.hosts().map(|hosts| hosts.iter().map(|host| host.ip.to_string()).collect())
}

#[test]
fn both_kinds_of_address_are_waited_for_and_ipv4_comes_first() {
    let mut a = lookup(false);
    assert_eq!(a.hear(1, &said("a", Kind::Aaaa, 0, &[("a", ip("::1"))])), Heard::Waits);
    assert_eq!(a.hear(0, &said("a", Kind::A, 0, &[("a", ip("10.0.0.1"))])), Heard::Complete);
    assert_eq!(found(&a), Ok(vec!["10.0.0.1".to_owned(), "::1".to_owned()]));
}

#[test]
fn only_an_answer_to_what_was_asked_counts() {
    let mut a = lookup(false);
    assert_eq!(a.hear(0, &said("b", Kind::A, 0, &[("b", ip("10.0.0.1"))])), Heard::Nothing);
    assert_eq!(a.hear(0, &said("a", Kind::Aaaa, 0, &[])), Heard::Nothing);
    assert_eq!(a.hear(7, &said("a", Kind::A, 0, &[])), Heard::Nothing);
    // Records of other names in an answer are nobody's business.
    a.hear(0, &said("a", Kind::A, 0, &[("evil", ip("10.6.6.6")), ("a", ip("10.0.0.1"))]));
    a.hear(1, &said("a", Kind::Aaaa, 0, &[]));
    assert_eq!(found(&a), Ok(vec!["10.0.0.1".to_owned()]));
    assert_eq!(a.hear(0, &said("a", Kind::A, 0, &[])), Heard::Nothing, "it was answered before");
}

#[test]
fn an_alias_without_address_is_asked_for_again() {
    let mut a = lookup(false);
    let aliases = [("a", alias("b")), ("b", alias("c"))];
    assert_eq!(a.hear(0, &said("a", Kind::A, 0, &aliases)), Heard::Waits);
    assert_eq!(a.hear(1, &said("a", Kind::Aaaa, 0, &aliases)), Heard::Again);
    let open: Vec<_> = a.open().map(|(number, question)| (number, question.asked.clone())).collect();
    assert_eq!(open, [(0, names("c")), (1, names("c"))]);
    a.hear(0, &said("c", Kind::A, 0, &[("c", ip("10.0.0.1"))]));
    assert_eq!(a.hear(1, &said("c", Kind::Aaaa, 0, &[])), Heard::Complete);
    assert_eq!(found(&a), Ok(vec!["10.0.0.1".to_owned()]));
    assert_eq!(a.ttl, 60);
}

#[test]
fn aliases_in_a_circle_end() {
    let mut a = lookup(false);
    let circle = [("a", alias("b")), ("b", alias("a"))];
    a.hear(0, &said("a", Kind::A, 0, &circle));
    assert_eq!(a.hear(1, &said("a", Kind::Aaaa, 0, &circle)), Heard::Complete);
    assert_eq!(found(&a), Err(ResolveError::NOT_FOUND));
    let mut b = lookup(false);
    for turn in 0..60 {
        let (at, to) = (format!("a{turn}"), format!("a{}", turn + 1));
        let at = if turn == 0 { "a" } else { &at };
        b.hear(0, &said(at, Kind::A, 0, &[(at, alias(&to))]));
        if b.hear(1, &said(at, Kind::Aaaa, 0, &[(at, alias(&to))])) == Heard::Complete {
            return;
        }
    }
    panic!("it followed sixty aliases");
}

#[test]
fn trouble_with_one_question_is_trouble_with_the_name() {
    for (first, second, code) in [(2, 0, 2), (3, 2, 2), (5, 3, 5), (3, 3, 3)] {
        let mut a = lookup(false);
        a.hear(0, &said("a", Kind::A, first, &[]));
        assert_eq!(a.hear(1, &said("a", Kind::Aaaa, second, &[("a", ip("::1"))])), Heard::Complete);
        assert_eq!(found(&a), Err(ResolveError::Code(code)));
    }
    let mut a = lookup(false);
    a.hear(0, &said("a", Kind::A, 0, &[]));
    a.hear(1, &said("a", Kind::Aaaa, 0, &[]));
    assert_eq!(found(&a), Err(ResolveError::NoAddress));
}

#[test]
fn places_of_a_service_are_collected() {
    let mut a = lookup(true);
    let place = |port| Data::Service { priority: 1, weight: 2, port, target: names("b") };
    assert_eq!(a.hear(0, &said("a", Kind::Srv, 0, &[("a", place(81)), ("a", place(82))])), Heard::Complete);
    assert_eq!(a.services.iter().map(|service| service.port).collect::<Vec<_>>(), [81, 82]);
}
