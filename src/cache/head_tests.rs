//! Heads: what is written is read again, and whatever is read ends in an answer.

use super::head::*;
use proptest::prelude::*;
use std::io::Write;

fn head() -> FileHead {
    let mut head = FileHead {
        valid_until: 1_700_000_000,
        stale_while_revalidate_until: 1_700_000_060,
        stale_if_error_until: 0,
        last_modified: 1_600_000_000,
        date: 1_699_999_999,
        body_start: 0,
        etag: b"\"abc\"".to_vec(),
        vary: b"Accept-Encoding".to_vec(),
        variant: [7; 16],
        file_len: 0,
        key: b"http://a/b?c".to_vec(),
    };
    head.body_start = u32::try_from(head.header_start() + 100).expect("small");
    head
}

fn file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

#[test]
fn a_head_comes_back_from_its_bytes_and_shows_its_key() {
    let head = head();
    let bytes = head.to_bytes();
    assert_eq!(bytes.len(), head.header_start());
    assert!(bytes.windows(19).any(|part| part == b"\nKEY: http://a/b?c\n"));
    assert_eq!(FileHead::parse(&bytes), Ok(head.clone()));
    let reply = [&bytes[..], b"HTTP/1.1 200 OK\r\n\r\nbody"].concat();
    assert_eq!(FileHead::parse(&reply), Ok(head));
}

#[test]
fn a_head_with_a_long_key_is_read_from_a_file_and_written_over_in_place() {
    let mut head = head();
    head.key = vec![b'k'; 10_000];
    head.body_start = 20_000;
    let mut bytes = head.to_bytes();
    bytes.extend(vec![b'b'; 15_000]);
    let file = file(&bytes);
    assert_eq!(FileHead::read(&file).expect("read"), Ok(head.clone()));
    head.valid_until += 60;
    head.etag = vec![b'e'; LONGEST_TAG];
    head.write_over(&file).expect("written");
    assert_eq!(FileHead::read(&file).expect("read"), Ok(head));
    assert_eq!(file.metadata().expect("asked").len(), bytes.len() as u64);
}

#[test]
fn a_file_that_was_cut_is_told_by_its_length() {
    let head = head();
    let bytes = [head.to_bytes(), vec![b'b'; 500]].concat();
    let file = file(&bytes);
    assert!(FileHead::read(&file).expect("read").is_ok());
    FileHead::set_len(&file, bytes.len() as u64).expect("written");
    let read = FileHead::read(&file).expect("read").expect("whole");
    assert_eq!(read, FileHead { file_len: bytes.len() as u64, ..head });
    file.set_len(bytes.len() as u64 - 1).expect("cut");
    assert_eq!(FileHead::read(&file).expect("read"), Err(Damage::Cut(bytes.len() as u64)));
}

#[test]
fn a_text_too_long_for_the_head_is_left_out_of_it() {
    let mut head = head();
    head.etag = vec![b'e'; LONGEST_TAG + 1];
    let read = FileHead::parse(&head.to_bytes()).expect("a head");
    assert!(read.etag.is_empty() && read.vary == head.vary);
}

#[test]
fn damage_has_a_name() {
    let bytes = head().to_bytes();
    for len in 0..bytes.len() {
        assert!(matches!(FileHead::parse(&bytes[..len]), Err(Damage::Short(whole)) if whole > len), "{len}");
    }
    // Between them lies the length of the file, of which parsing knows nothing.
    for at in (0..340).chain(348..bytes.len()) {
        let mut other = bytes.clone();
        other[at] ^= 0x20;
        let damage = FileHead::parse(&other).expect_err("damaged");
        match at {
            0..8 => assert_eq!(damage, Damage::Foreign),
            8..10 => assert!(matches!(damage, Damage::Version(_))),
            _ => assert!(matches!(damage, Damage::Broken | Damage::Short(_)), "{at}: {damage:?}"),
        }
    }
    let mut early = head();
    early.body_start = 5;
    assert_eq!(FileHead::parse(&early.to_bytes()), Err(Damage::Broken));
    assert_eq!(
        FileHead::read(&file(&bytes[..350])).expect("read").err(),
        FileHead::parse(&bytes[..350]).err()
    );
    assert_eq!(FileHead::read(&file(b"")).expect("read"), Err(Damage::Short(FileHead::SHORTEST - 7)));
}

proptest! {
    #[test]
    fn any_head_comes_back(
        times in any::<[u64; 5]>(),
        etag in proptest::collection::vec(any::<u8>(), 0..=LONGEST_TAG),
        vary in proptest::collection::vec(any::<u8>(), 0..=LONGEST_TAG),
        variant in any::<[u8; 16]>(),
        key in proptest::collection::vec(any::<u8>(), 0..3000),
        file_len in any::<u64>(),
        more in 0u32..10_000,
    ) {
        let [valid_until, stale_while_revalidate_until, stale_if_error_until, last_modified, date] = times;
        let mut head = FileHead {
            valid_until, stale_while_revalidate_until, stale_if_error_until, last_modified, date,
            body_start: 0, etag, vary, variant, key, file_len,
        };
        head.body_start = u32::try_from(head.header_start()).expect("small") + more;
        prop_assert_eq!(FileHead::parse(&head.to_bytes()), Ok(head.clone()));
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(FileHead::parse(&bytes).is_err());
    }

    #[test]
    fn any_bytes_behind_a_true_beginning_end_in_an_answer(
        keep in 8usize..380,
        noise in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let bytes = head().to_bytes();
        let kept = bytes.get(..keep).unwrap_or(&bytes);
        let _ = FileHead::parse(&[kept, &noise].concat());
        let _ = FileHead::read(&file(&[kept, &noise].concat())).expect("read");
    }
}
