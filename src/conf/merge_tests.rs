//! Inheritance and defaults.

use super::*;

settings! {
    /// A module with everything the macro offers.
    pub struct Everything: Location {
        /// A flag.
        pub flag: bool = false,
        /// Something that is not Copy.
        pub list: Vec<u32> = vec![1],
        plain {
            /// Stays with its level.
            pub notes: Vec<&'static str> = Vec::new(),
        }
    }
}

settings! {
    /// The shortest form.
    pub struct Little: Location { /// A number.
        pub number: u64 = 7 }
}

/// One whose merge can fail and counts how often it ran.
#[derive(Default)]
struct Picky {
    refuse: bool,
    merged: u32,
}

impl Conf for Picky {
    const SCOPE: Scope = Scope::Location;
    conf_slot!();
    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        self.merged = parent.merged + 1;
        if self.refuse { Err("no".to_owned()) } else { Ok(()) }
    }
}

#[test]
fn an_unset_value_is_the_default_and_takes_the_parents() {
    let mut child = Setting::new(1);
    assert_eq!((*child, child.is_set()), (1, false));
    child.merge(&Setting::new(2));
    assert_eq!((*child, child.is_set()), (2, false));
    let mut parent = Setting::new(3);
    parent.set(4);
    child.merge(&parent);
    assert_eq!((*child, child.is_set()), (4, true));
}

#[test]
fn a_set_value_stays_even_when_it_is_the_default() {
    let (mut child, mut parent) = (Setting::new(1), Setting::new(1));
    child.set(1);
    parent.set(2);
    child.merge(&parent);
    assert_eq!(*child, 1);
    *parent.edit() += 3;
    assert_eq!(parent.into_inner(), 5);
}

#[test]
fn slots_of_one_scope_differ() {
    assert_ne!(Everything::slot(), Little::slot());
    assert_ne!(Little::slot(), Picky::slot());
    assert_eq!(Little::slot(), Little::slot());
}

#[test]
fn levels_inherit_from_the_outside_in() {
    let (mut http, mut server, mut location) = (ConfSet::default(), ConfSet::default(), ConfSet::default());
    http.get_mut::<Everything>().flag.set(true);
    http.get_mut::<Everything>().notes.push("http");
    server.get_mut::<Everything>().list.set(vec![2]);
    location.get_mut::<Everything>().flag.set(false);
    assert_eq!(server.merge(&http), Ok(()));
    assert_eq!(location.merge(&server), Ok(()));
    let (server, location) = (server.freeze(), location.freeze());
    let (server, location) = (server.get::<Everything>(), location.get::<Everything>());
    assert_eq!((*server.flag, server.list.as_slice(), server.notes.len()), (true, &[2][..], 0));
    assert_eq!((*location.flag, location.list.as_slice()), (false, &[2][..]));
}

#[test]
fn a_type_that_only_one_level_has_is_merged_too() {
    let (mut parent, mut child) = (ConfSet::default(), ConfSet::default());
    parent.get_mut::<Picky>().merged = 4;
    child.get_mut::<Little>();
    assert_eq!(child.merge(&parent), Ok(()));
    assert_eq!(child.get::<Picky>().merged, 5);
    let mut alone = ConfSet::default();
    alone.get_mut::<Picky>();
    assert_eq!(alone.merge(&ConfSet::default()), Ok(()));
    assert_eq!(alone.get::<Picky>().merged, 1);
}

#[test]
fn a_merge_may_refuse() {
    let (mut parent, mut child) = (ConfSet::default(), ConfSet::default());
    parent.get_mut::<Little>();
    child.get_mut::<Picky>().refuse = true;
    assert_eq!(child.merge(&parent), Err("no".to_owned()));
}

#[test]
fn what_nobody_touched_reads_as_its_defaults() {
    let confs = ConfSet::default().freeze();
    assert_eq!(*confs.get::<Little>().number, 7);
    assert_eq!(*confs.rc::<Little>().number, 7);
    assert!(std::ptr::eq(confs.get::<Little>(), ConfSet::default().get::<Little>()), "one value for all");
}

#[test]
fn a_shared_configuration_outlives_its_level() {
    let mut set = ConfSet::default();
    set.get_mut::<Little>().number.set(9);
    let confs = set.freeze();
    let (kept, same) = (confs.rc::<Little>(), confs.rc::<Little>());
    assert!(Rc::ptr_eq(&kept, &same));
    drop(confs);
    assert_eq!(*kept.number, 9);
}
