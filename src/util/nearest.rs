//! The known word that somebody probably meant.
//!
//! *In nginx*: absent; `unknown directive "proxy_pas"` is all it says.
//!
//! *Here*: the edit distance between two words, counting a wrong, missing or additional letter and two
//! swapped neighbours as one step each, and the search for the nearest of many words. A suggestion is only
//! helpful when it is likely, so the distance allowed grows slowly with the length of the word. This file
//! must not know what the words are.
//!
//! ```text
//!   proxy_pas  ── 1 ──▶ proxy_pass       said
//!   lsiten     ── 1 ──▶ listen           said (two neighbours swapped)
//!   php_value  ── 6 ──▶ cache_valid      not said
//! ```
//!
//! *Read next*: `conf::build` (unknown directives), `conf::value` (unknown parameters and words).

/// The word of `known` with the smallest distance to `word`, when that is small enough to be a slip.
/// Of equally near words the first wins. Upper and lower case are the same.
pub fn nearest<'a>(word: &[u8], known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match word.len() {
        0 | 1 => return None,
        2..=4 => 1,
        5..=8 => 2,
        9..=64 => 3,
        // Nobody's slip; and the distance costs time with the length.
        _ => return None,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if candidate.len().abs_diff(word.len()) > allowed {
            continue;
        }
        let steps = distance(word, candidate.as_bytes());
        if steps <= allowed && best.is_none_or(|(least, _)| steps < least) {
            best = Some((steps, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many single changes lead from `a` to `b`: the "optimal string alignment" distance.
pub fn distance(a: &[u8], b: &[u8]) -> usize {
    // Row i holds the distances between the first i bytes of `a` and every beginning of `b`; a swap of
    // neighbours looks two rows back.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let same = x.eq_ignore_ascii_case(y);
            let change = above[j] + usize::from(!same);
            let mut least = change.min(above[j + 1] + 1).min(row[j] + 1);
            let swapped =
                i > 0 && j > 0 && x.eq_ignore_ascii_case(&b[j - 1]) && a[i - 1].eq_ignore_ascii_case(y);
            if swapped && !same {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_changes() {
        for (a, b, steps) in [
            ("", "", 0),
            ("listen", "listen", 0),
            ("LISTEN", "listen", 0),
            ("lsiten", "listen", 1),
            ("proxy_pas", "proxy_pass", 1),
            ("proxy_passs", "proxy_pass", 1),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), steps, "{a} → {b}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["listen", "location", "proxy_pass", "proxy_bind", "root", "if"];
        assert_eq!(nearest(b"proxy_pas", known), Some("proxy_pass"));
        assert_eq!(nearest(b"lisetn", known), Some("listen"));
        assert_eq!(nearest(b"rot", known), Some("root"));
        assert_eq!(nearest(b"php_value", known), None);
        assert_eq!(nearest(b"", known), None);
        assert_eq!(nearest(b"x", known), None);
        assert_eq!(nearest(&[b'l'; 70_000], known), None);
    }
}
