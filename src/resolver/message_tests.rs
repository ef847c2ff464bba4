//! Messages by hand, and messages that no server would send.

use super::*;
use proptest::prelude::*;

/// A header and a question, followed by `rest`.
pub(crate) fn answer(id: u16, flags: u16, asked: &str, kind: Kind, count: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = question(id, &name(asked.as_bytes()).expect("a name"), kind);
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[6..8].copy_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(rest);
    bytes
}

fn a_record(owner: &[u8], ttl: u32, ip: [u8; 4]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend([0, 1, 0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend([0, 4]);
    bytes.extend(ip);
    bytes
}

#[test]
fn an_answer_with_a_pointer_is_read() {
    let bytes = answer(7, 0x8180, "A.example", Kind::A, 1, &a_record(&[0xc0, 12], 60, [127, 0, 0, 1]));
    let message = parse(&bytes).expect("a message");
    assert_eq!((message.id, message.code, message.truncated), (7, 0, false));
    let asked = name(b"a.EXAMPLE.").expect("a name");
    assert!(message.answers(&asked, Kind::A) && !message.answers(&asked, Kind::Aaaa));
    let ip = Data::Ip("127.0.0.1".parse().expect("an address"));
    assert_eq!(message.records, [Record { name: asked, ttl: 60, data: ip }]);
}

#[test]
fn a_pointer_that_goes_nowhere_or_forward_is_refused() {
    for to in [0u8, 11, 27, 28, 200] {
        let bytes = answer(7, 0x8180, "a.example", Kind::A, 1, &a_record(&[0xc0, to], 60, [0; 4]));
        assert!(parse(&bytes).is_err(), "to {to}");
    }
}

#[test]
fn an_address_of_the_wrong_length_spoils_the_message() {
    let mut record = a_record(&[0xc0, 12], 60, [0; 4]);
    record.truncate(record.len() - 4);
    *record.last_mut().expect("a length") = 0;
    assert!(parse(&answer(7, 0x8180, "a", Kind::A, 1, &record)).is_err());
}

#[test]
fn a_label_with_a_dot_in_it_does_not_pass_for_two() {
    let record = a_record(b"\x03a.b\x00", 60, [0; 4]);
    let message = parse(&answer(7, 0x8180, "a.b", Kind::A, 1, &record)).expect("a message");
    assert_ne!(message.records[0].name, name(b"a.b").expect("a name"));
}

#[test]
fn what_can_be_no_name_is_not_asked_for() {
    let long = "a".repeat(64);
    for text in ["", ".", "a..b", ".a", "a\\b", "a b", "a\tb", &long] {
        assert_eq!(name(text.as_bytes()), None, "{text}");
    }
    assert!(name("a".repeat(63).as_bytes()).is_some());
}

#[test]
fn absence_may_be_kept_as_long_as_the_soa_record_says() {
    let mut soa = b"\x00\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16\x00\x00".to_vec();
    soa.extend([0; 16]);
    soa.extend(9u32.to_be_bytes());
    let mut bytes = answer(7, 0x8183, "a", Kind::A, 0, &soa);
    bytes[9] = 1;
    let message = parse(&bytes).expect("a message");
    assert_eq!((message.code, message.negative_ttl), (3, Some(9)));
}

proptest! {
    #[test]
    fn no_bytes_at_all_make_the_reader_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(&answer(1, 0x8180, "a.b", Kind::Srv, 9, &bytes));
    }

    #[test]
    fn names_that_were_asked_for_are_read_back(text in "[a-z0-9-]{1,20}(\\.[a-z0-9-]{1,20}){0,6}") {
        let asked = name(text.as_bytes()).expect("a name");
        let message = parse(&answer(1, 0x8180, &text, Kind::Srv, 0, b"")).expect("a message");
        prop_assert!(message.answers(&asked, Kind::Srv));
    }
}
