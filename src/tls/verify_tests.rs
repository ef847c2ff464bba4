//! Chains of every kind, made here byte by byte, so that what no tool would make is tried too.

use super::*;
use proptest::prelude::*;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivateSec1KeyDer};
use rustls::sign::SigningKey;
use std::borrow::Borrow;
use std::sync::Arc;

/// Three keys on P-256, of nobody.
const KEYS: [&str; 3] = [
    "a8a57520b54b0c423d25ccd1a32930b6000937cffd5a156790d6ec993b2c87ce\
     6897c46290b63595ac652f272c22db0e52aabf4ac6ea0b8b3315f575018b89360231a65faf25ca7a2b20c9346fbbb40e\
     b66ab243fefeddd7e15528e93f0f6af5",
    "abc05a3008ca5ef4c5444487c30a99ee767859ad74ef113a6b6c9b34469dc5d5\
     6abdda01f842d6b0eb11cda98981132a41036ad223496624021f94312a1c1c5bd666359ff3aae209e8a001a9069efadb\
     2b01908bea0fd45639a33e0bc006100b",
    "469e1a5d3a4708748c962a45366b787363cb8b7362f826e7aab6a78e9bc054bb\
     984b53683f3080bf8e0db22ca47b9cb8d396cd89c0b60812012ef3e5e151f5d9c2f3ba7d7b289b173239238cbee4de49\
     cbe2a4f6f515a17510e035ec717e9314",
];

const NOW: i64 = 1_700_000_000;
/// ecdsa-with-SHA256, and the key of its kind: id-ecPublicKey, prime256v1.
const ECDSA: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const KIND: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const SERVER_AUTH: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const ANY_USAGE: &[u8] = &[0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0];
/// basicConstraints: CA, CA with nothing below it, no CA.
const CA: &[u8] = &[0x30, 3, 1, 1, 0xff];
const CA_OF_LEAVES: &[u8] = &[0x30, 6, 1, 1, 0xff, 2, 1, 0];
const NO_CA: &[u8] = &[0x30, 0];

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        short @ ..0x80 => vec![short as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [vec![tag], length, body].concat()
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(3, &[&[0], bytes])
}

fn name(text: &str) -> Vec<u8> {
    der(0x30, &[&der(0x31, &[&der(0x30, &[&[6, 3, 0x55, 4, 3], &der(0x0c, &[text.as_bytes()])])])])
}

fn time(text: &str) -> Vec<u8> {
    der(0x18, &[text.as_bytes()])
}

/// The key's secret half and its public one.
fn key(n: usize) -> (Arc<dyn SigningKey>, Vec<u8>) {
    let hex = KEYS[n].as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
    let bytes: Vec<u8> = hex.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
    let (secret, point) = bytes.split_at(32);
    let public = bits(&[&[4], point].concat());
    let curve = der(0xa0, &[&KIND[9..]]);
    let all = der(0x30, &[&[2, 1, 1], &der(4, &[secret]), &curve, &der(0xa1, &[&public])]);
    let all = PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(all));
    (any_supported_type(&all).unwrap(), public)
}

/// Puts a signature behind what is signed.
fn signed(tbs: Vec<u8>, by: usize) -> Vec<u8> {
    let signer = key(by).0.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap();
    let signature = signer.sign(&tbs).unwrap();
    der(0x30, &[&tbs, &der(0x30, &[ECDSA]), &bits(&signature)])
}

/// A certificate to be.
#[derive(Clone)]
struct Make {
    subject: &'static str,
    issuer: &'static str,
    version: u8,
    times: [&'static str; 2],
    key: usize,
    by: usize,
    extensions: Vec<(&'static [u8], bool, &'static [u8])>,
    algorithm: &'static [u8],
}

/// A certificate of `subject` and its key, by `issuer` and its; the number of a key goes with the name.
fn make(subject: &'static str, issuer: &'static str) -> Make {
    let key = |name: &str| ["root", "middle", "leaf"].iter().position(|one| *one == name).unwrap_or(2);
    Make {
        subject,
        issuer,
        version: 3,
        times: ["20200101000000Z", "20300101000000Z"],
        key: key(subject),
        by: key(issuer),
        extensions: Vec::new(),
        algorithm: ECDSA,
    }
}

fn authority(subject: &'static str, issuer: &'static str) -> Make {
    make(subject, issuer).with(id::BASIC_CONSTRAINTS, true, CA)
}

impl Make {
    fn with(mut self, id: &'static [u8], critical: bool, value: &'static [u8]) -> Make {
        self.extensions.push((id, critical, value));
        self
    }

    fn done(&self) -> CertificateDer<'static> {
        let all = self.extensions.iter().flat_map(|(id, critical, value)| {
            let critical: &[u8] = if *critical { &[1, 1, 0xff] } else { &[] };
            der(0x30, &[&der(6, &[id]), critical, &der(4, &[value])])
        });
        self.done_with(&der(0x30, &[&all.collect::<Vec<u8>>()]))
    }

    /// With these bytes for the list of extensions.
    fn done_with(&self, extensions: &[u8]) -> CertificateDer<'static> {
        let version = der(0xa0, &[&[2, 1, self.version - 1]]);
        let extensions = if extensions == [0x30, 0] { Vec::new() } else { der(0xa3, &[extensions]) };
        let public = der(0x30, &[&der(0x30, &[KIND]), &key(self.key).1]);
        let tbs = der(
            0x30,
            &[
                if self.version > 1 { &version } else { &[] },
                &[2, 1, 5],
                &der(0x30, &[self.algorithm]),
                &name(self.issuer),
                &der(0x30, &[&time(self.times[0]), &time(self.times[1])]),
                &name(self.subject),
                &public,
                &extensions,
            ],
        );
        CertificateDer::from(signed(tbs, self.by))
    }
}

fn trust(roots: &[impl Borrow<Make>]) -> Trust {
    Trust { roots: roots.iter().map(|one| one.borrow().done()).collect(), lists: Vec::new(), depth: 5 }
}

/// What is said of a chain to a server of which this root is trusted.
fn said(roots: &[impl Borrow<Make>], sent: &[impl Borrow<Make>]) -> Result<(), Fault> {
    let sent: Vec<_> = sent.iter().map(|one| one.borrow().done()).collect();
    trust(roots).verify(&sent, Purpose::Server, NOW)
}

#[test]
fn a_chain_to_a_root_on_file_is_good_and_one_byte_changed_is_not() {
    let root = authority("root", "root");
    let middle = authority("middle", "root").with(id::KEY_USAGE, true, &[3, 2, 1, 0x06]);
    let leaf = make("leaf", "middle").with(id::EXTENDED_KEY_USAGE, false, SERVER_AUTH);
    assert_eq!(said(&[&root], &[&leaf, &middle]), Ok(()));
    assert_eq!(said(&[&root], &[&leaf, &root, &middle]), Ok(()));
    let alone = Trust { roots: vec![root.done()], ..Trust::default() };
    assert_eq!(alone.verify(&alone.roots, Purpose::Server, NOW), Ok(()));
    // The same in all but the signature, which is never the same twice.
    assert_eq!(alone.verify(&[root.done()], Purpose::Server, NOW), Err(SELF_SIGNED));
    assert_eq!(said(&[&root], &[&leaf]), Err(UNVERIFIED));
    assert_eq!(said(&[&middle], &[&leaf]), Err(NO_ISSUER));
    assert_eq!(said(&[&root; 0], &[&leaf, &middle, &root]), Err(SELF_SIGNED_ROOT));
    assert_eq!(said(&[&root; 0], &[&root]), Err(SELF_SIGNED));
    assert_eq!(said(&[&root; 0], &[&root; 0]), Err(MALFORMED));
    // Every byte is signed, names the algorithm, or is the signature.
    let (trust, middle) = (trust(&[root]), middle.done());
    let bytes = leaf.done();
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        let sent = [CertificateDer::from(changed), middle.clone()];
        assert!(trust.verify(&sent, Purpose::Server, NOW).is_err(), "byte {at}");
    }
    let longer = CertificateDer::from([&bytes[..], b"x"].concat());
    assert_eq!(trust.verify(&[longer, middle], Purpose::Server, NOW), Err(MALFORMED));
}

#[test]
fn a_root_is_known_by_its_bytes_and_an_issuer_by_its_key() {
    let root = authority("root", "root");
    // The same name with another key.
    let twin = Make { key: 1, by: 1, ..root.clone() };
    let leaf = Make { by: 1, ..make("leaf", "root") };
    assert_eq!(said(&[&root], &[&leaf]), Err(BAD_SIGNATURE));
    assert_eq!(said(&[&root], &[&leaf, &twin]), Err(BAD_SIGNATURE));
    assert_eq!(said(&[&root, &twin], &[&leaf]), Ok(()));
    assert_eq!(said(&[&twin, &root], &[leaf]), Ok(()));
    assert_eq!(said(&[root], &[twin]), Err(SELF_SIGNED));
    // One that calls itself its own issuer, but has the root's signature.
    let vain = Make { by: 0, ..authority("middle", "middle") };
    let below = Make { by: 1, ..make("leaf", "middle") };
    assert_eq!(said(&[authority("root", "root")], &[below, vain]), Err(SELF_SIGNED_ROOT));
}

#[test]
fn only_an_authority_may_sign() {
    let root = [authority("root", "root")];
    let through = |middle: Make| said(&root, &[make("leaf", "middle"), middle]);
    let plain = make("middle", "root");
    assert_eq!(through(plain.clone()), Err(NO_AUTHORITY));
    assert_eq!(through(plain.clone().with(id::BASIC_CONSTRAINTS, true, NO_CA)), Err(NO_AUTHORITY));
    assert_eq!(through(plain.clone().with(id::BASIC_CONSTRAINTS, false, CA)), Ok(()));
    assert_eq!(through(Make { version: 1, ..plain.clone() }), Err(NO_AUTHORITY));
    // A length below zero, and something behind it.
    for broken in [&[0x30, 6, 1, 1, 0xff, 2, 1, 0xff][..], &[0x30, 6, 1, 1, 0xff, 4, 1, 0], &[4, 1, 0xff]] {
        assert_eq!(through(plain.clone().with(id::BASIC_CONSTRAINTS, true, broken)), Err(NO_AUTHORITY));
    }
    // A usage without keyCertSign, none that can be read, and one of another purpose.
    let middle = authority("middle", "root");
    for usage in [&[3, 2, 1, 0x82][..], &[3, 1, 0], &[]] {
        assert_eq!(through(middle.clone().with(id::KEY_USAGE, true, usage)), Err(NO_AUTHORITY));
    }
    assert_eq!(through(middle.clone().with(id::EXTENDED_KEY_USAGE, false, ANY_USAGE)), Err(NO_AUTHORITY));
    assert_eq!(through(middle.with(id::EXTENDED_KEY_USAGE, false, SERVER_AUTH)), Ok(()));
    // Before version 3 nobody could say it: whoever put it on file has said it.
    let old = Make { version: 1, extensions: Vec::new(), ..root[0].clone() };
    assert_eq!(said(&[old], &[make("leaf", "root")]), Ok(()));
}

#[test]
fn chains_have_a_length_that_the_configuration_and_each_authority_may_limit() {
    let root = make("root", "root").with(id::BASIC_CONSTRAINTS, true, CA_OF_LEAVES);
    let (leaf, middle) = (make("leaf", "middle"), authority("middle", "root"));
    assert_eq!(said(&[&root], &[make("leaf", "root")]), Ok(()));
    assert_eq!(said(&[root], &[&leaf, &middle]), Err(PATH_LENGTH));
    let last = make("middle", "root").with(id::BASIC_CONSTRAINTS, true, CA_OF_LEAVES);
    assert_eq!(said(&[authority("root", "root")], &[leaf.clone(), last]), Ok(()));
    let shallow = Trust { depth: 0, ..trust(&[authority("root", "root")]) };
    let sent = [leaf.done(), middle.done()];
    assert_eq!(shallow.verify(&sent, Purpose::Server, NOW), Err(TOO_LONG));
    assert_eq!(shallow.verify(&[make("leaf", "root").done()], Purpose::Server, NOW), Ok(()));
}

#[test]
fn a_certificate_is_for_a_time_and_a_purpose() {
    let root = [authority("root", "root")];
    let leaf = make("leaf", "root");
    let past = ["20000101000000Z", "20231114221319Z"];
    let edge = ["20231114221320Z", "20231114221320Z"];
    let future = ["20231114221321Z", "20300101000000Z"];
    assert_eq!(said(&root, &[Make { times: past, ..leaf.clone() }]), Err(EXPIRED));
    assert_eq!(said(&root, &[Make { times: edge, ..leaf.clone() }]), Ok(()));
    assert_eq!(said(&root, &[Make { times: future, ..leaf.clone() }]), Err(NOT_YET));
    assert_eq!(said(&[Make { times: past, ..root[0].clone() }], &[&leaf]), Err(EXPIRED));
    let nonsense = Make { times: ["20201301000000Z", edge[1]], ..leaf.clone() };
    assert_eq!(said(&root, &[nonsense]), Err(MALFORMED));
    let usage = |bits: &'static [u8]| said(&root, &[leaf.clone().with(id::KEY_USAGE, true, bits)]);
    assert_eq!((usage(&[3, 2, 7, 0x80]), usage(&[3, 2, 1, 0x06])), (Ok(()), Err(PURPOSE)));
    let for_servers = [leaf.with(id::EXTENDED_KEY_USAGE, true, SERVER_AUTH).done()];
    assert_eq!(trust(&root).verify(&for_servers, Purpose::Server, NOW), Ok(()));
    assert_eq!(trust(&root).verify(&for_servers, Purpose::Client, NOW), Err(PURPOSE));
}

#[test]
fn what_is_not_understood_is_refused() {
    const UNKNOWN: &[u8] = &[0x2a, 3, 4];
    let root = [authority("root", "root")];
    let leaf = make("leaf", "root");
    assert_eq!(said(&root, &[leaf.clone().with(UNKNOWN, false, &[5, 0])]), Ok(()));
    assert_eq!(said(&root, &[leaf.clone().with(UNKNOWN, true, &[5, 0])]), Err(CRITICAL));
    let middle = authority("middle", "root").with(id::NAME_CONSTRAINTS, false, &[0x30, 0]);
    assert_eq!(said(&root, &[make("leaf", "middle"), middle]), Err(CRITICAL));
    // Two of a kind: readers would differ in which of them counts.
    let both = make("middle", "root").with(id::BASIC_CONSTRAINTS, true, CA);
    let both = both.with(id::BASIC_CONSTRAINTS, true, NO_CA);
    assert_eq!(said(&root, &[make("leaf", "middle"), both]), Err(EXTENSION));
    let old = Make { version: 1, ..leaf.clone().with(UNKNOWN, false, &[5, 0]) };
    assert_eq!(said(&root, &[old]), Err(EXTENSION));
    // A list that ends in the midst of an extension, one that is none, and one with something behind it.
    let trust = trust(&root);
    for list in [&[0x30, 4, 0x30, 3, 6, 1][..], &[5, 0], &[0x30, 0, 5, 0], &[0x30, 2, 0x30, 9]] {
        let sent = [leaf.done_with(list)];
        assert_eq!(trust.verify(&sent, Purpose::Server, NOW), Err(EXTENSION), "{list:?}");
    }
    // The algorithm inside is the one that is signed.
    let sha384 = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    assert_eq!(said(&root, &[Make { algorithm: sha384, ..leaf }]), Err(MALFORMED));
}

#[test]
fn many_of_the_same_name_are_not_all_tried() {
    let root = [authority("root", "root")];
    let times = ["20200101000000Z", "20200101000001Z", "20200101000002Z", "20200101000003Z"];
    let others =
        times.iter().map(|from| Make { key: 2, times: [from, "20300101000000Z"], ..root[0].clone() });
    let many: Vec<Make> = others.cycle().take(2 * TRIALS).collect();
    // The right one is the last that would be looked at.
    let few = [&many[..3], &root[..]].concat();
    assert_eq!(said(&few, &[make("leaf", "root")]), Ok(()));
    let all = [&many[..], &root[..]].concat();
    assert_eq!(said(&all, &[make("leaf", "root")]), Err(BAD_SIGNATURE));
}

/// A list by the root, with one number in it.
fn list(from: &str, until: &str, taken_back: u8) -> CertificateRevocationListDer<'static> {
    let entry = der(0x30, &[&[2, 1, taken_back], &time("20200101000000Z")]);
    let tbs = der(
        0x30,
        &[&[2, 1, 1], &der(0x30, &[ECDSA]), &name("root"), &time(from), &time(until), &der(0x30, &[&entry])],
    );
    CertificateRevocationListDer::from(signed(tbs, 0))
}

#[test]
fn the_newest_list_that_holds_says_what_was_taken_back() {
    let said = |lists: Vec<CertificateRevocationListDer<'static>>| {
        let trust = Trust { lists, ..trust(&[authority("root", "root")]) };
        trust.verify(&[make("leaf", "root").done()], Purpose::Server, NOW)
    };
    let good = || list("20230101000000Z", "20300101000000Z", 9);
    let bad = || list("20230201000000Z", "20300101000000Z", 5);
    assert_eq!(said(vec![good()]), Ok(()));
    assert_eq!(said(vec![good(), bad()]), Err(REVOKED));
    assert_eq!(said(vec![bad(), good()]), Err(REVOKED));
    assert_eq!(said(vec![list("20200101000000Z", "20210101000000Z", 5)]), Err(CRL_EXPIRED));
    assert_eq!(said(vec![list("20290101000000Z", "20300101000000Z", 5)]), Err(CRL_NOT_YET));
    assert_eq!(said(vec![list("20290101000000Z", "20300101000000Z", 5), good()]), Ok(()));
    // A time that is none would be a list without end.
    assert_eq!(said(vec![list("20230101000000Z", "20301301000000Z", 9)]), Err(NO_CRL));
    let mut forged = good().to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(said(vec![CertificateRevocationListDer::from(forged)]), Err(BAD_CRL_SIGNATURE));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        flips in proptest::collection::vec((0usize..400, any::<u8>()), 1..6),
        cut in 0usize..400,
    ) {
        let middle = authority("middle", "root").with(id::KEY_USAGE, true, &[3, 2, 1, 0x06]);
        let mut bytes = middle.done().to_vec();
        for (at, byte) in flips {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut.max(20));
        let sent = [make("leaf", "middle").done(), CertificateDer::from(bytes)];
        let _ = trust(&[authority("root", "root")]).verify(&sent, Purpose::Server, NOW);
    }
}
