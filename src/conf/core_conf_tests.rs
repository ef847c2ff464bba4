//! The directives of the main level.
//!
//! *Here* lines are made by hand, so that these tests need no file.
//!
//! *Read next*: `core_conf.rs`.

use super::*;

#[test]
fn a_mask_names_processors_from_its_right_end_and_the_last_mask_serves_the_rest() {
    let affinity = Affinity::Masks(vec![vec![0], vec![1, 3]]);
    assert_eq!(affinity.of(0), Some(vec![0]));
    assert_eq!(affinity.of(7), Some(vec![1, 3]));
    assert_eq!(Affinity::Auto(vec![2, 4]).of(3), Some(vec![4]));
    assert_eq!(Affinity::Auto(Vec::new()).of(3), None);
    assert_eq!(Affinity::Any.of(0), None);
}
