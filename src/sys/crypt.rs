//! crypt(3): the system's own way to scramble passwords.
//!
//! *In nginx* `ngx_libc_crypt`, with `crypt_r` where there is one.
//!
//! *Here* one function. Which methods it knows is the business of the system's library (DES, `$1$` MD5, `$5$`
//! and `$6$` SHA-2, `$y$` yescrypt …); the salt says which one is meant.
//!
//! *Read next*: `modules/auth_basic/password.rs`.

use std::ffi::{CStr, CString, c_char};

#[link(name = "crypt")]
unsafe extern "C" {
    fn crypt(key: *const c_char, salt: *const c_char) -> *mut c_char;
}

/// The scrambled password, salt in front. None when the method is unknown or something holds a zero byte.
pub fn scramble(password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let (password, salt) = (CString::new(password).ok()?, CString::new(salt).ok()?);
    // SAFETY: both are C strings that live through the call. The result is null or a C string in a buffer of
    // the library that the next call overwrites; a worker has one thread, and the text is copied at once.
    unsafe {
        let result = crypt(password.as_ptr(), salt.as_ptr());
        (!result.is_null()).then(|| CStr::from_ptr(result).to_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_methods_are_known() {
        let scrambled = scramble(b"Hello world!", b"$6$saltstring");
        assert!(
            scrambled.is_some_and(|text| text.starts_with(b"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMH"))
        );
        assert_eq!(scramble(b"a\0b", b"$6$salt"), None);
    }
}
