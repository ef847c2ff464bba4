//! Users and groups: their numbers, and becoming one.
//!
//! *In nginx* `ngx_set_user` asks for the numbers when the configuration is read, and
//! `ngx_worker_process_init` gives up root in each worker.
//!
//! *Here* the same two halves. [`become_user`] drops groups first and the user last, since after that
//! nothing more could be dropped.
//!
//! *Read next*: `conf/core_conf.rs` for the `user` directive, `process/worker_process.rs` for the drop.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;

/// Room for one line of the user or group data base.
const ROOM: usize = 16 * 1024;

/// Whether this process may become somebody else.
pub fn is_root() -> bool {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The user this process runs as.
pub fn effective_id() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The number of a user and of their first group. `Ok(None)` when there is no such user.
pub fn user_by_name(name: &CStr) -> io::Result<Option<(u32, u32)>> {
    let mut entry = MaybeUninit::<libc::passwd>::zeroed();
    let mut room = vec![0; ROOM];
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are valid for the sizes given; `found` is null or points at `entry`, which is
    // filled then.
    unsafe {
        let (to, size) = (room.as_mut_ptr(), room.len());
        match libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), to, size, &mut found) {
            0 if found.is_null() => Ok(None),
            0 => {
                let entry = entry.assume_init();
                Ok(Some((entry.pw_uid, entry.pw_gid)))
            }
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// The number of a group. `Ok(None)` when there is no such group.
pub fn group_by_name(name: &CStr) -> io::Result<Option<u32>> {
    let mut entry = MaybeUninit::<libc::group>::zeroed();
    let mut room = vec![0; ROOM];
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are valid for the sizes given; `found` is null or points at `entry`, which is
    // filled then.
    unsafe {
        let (to, size) = (room.as_mut_ptr(), room.len());
        match libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), to, size, &mut found) {
            0 if found.is_null() => Ok(None),
            0 => Ok(Some(entry.assume_init().gr_gid)),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// Becomes the user for good, with the groups they are in. The name of the call that failed comes with its
/// error, as `setgid(33)`.
pub fn become_user(name: &CString, user: u32, group: u32) -> Result<(), (String, io::Error)> {
    let checked = |answer: libc::c_int, what: String| {
        if answer < 0 { Err((what, io::Error::last_os_error())) } else { Ok(()) }
    };
    let shown = name.to_string_lossy();
    // SAFETY: plain numbers, and a name that ends in a zero byte.
    unsafe {
        checked(libc::setgid(group), format!("setgid({group})"))?;
        checked(libc::initgroups(name.as_ptr(), group), format!("initgroups({shown}, {group})"))?;
        checked(libc::setuid(user), format!("setuid({user})"))
    }
}
