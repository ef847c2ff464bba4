//! The shared settings of upstream modules: what nginx refuses is refused in its words.

use crate::kit::Server;
use crate::kit::server::is_headwater;

fn location(inside: &str) -> String {
    format!("location / {{ proxy_pass http://127.0.0.1:1; fastcgi_temp_path tmp; {inside} }}")
}

#[test]
fn sizes_that_cannot_go_together_are_refused_in_nginxs_words() {
    const MAXIMUM: &str = "equal to or greater than the maximum of the value of \"proxy_buffer_size\" \
                           and one of the \"proxy_buffers\"";
    let busy = format!("\"proxy_busy_buffers_size\" must be {MAXIMUM}");
    let write = format!("\"proxy_temp_file_write_size\" must be {MAXIMUM}");
    let most = format!(
        "\"proxy_max_temp_file_size\" must be equal to zero to disable temporary files usage \
         or must be {MAXIMUM}"
    );
    let less =
        "\"proxy_busy_buffers_size\" must be less than the size of all \"proxy_buffers\" minus one buffer";
    for (inside, why) in [
        ("proxy_buffers 1 4k;", "there must be at least 2 \"proxy_buffers\""),
        ("proxy_buffers 0 4k;", "\"proxy_buffers\" directive invalid value"),
        ("proxy_busy_buffers_size 1k;", &busy),
        ("proxy_buffers 8 16k; proxy_buffer_size 32k; proxy_busy_buffers_size 24k;", &busy),
        ("proxy_busy_buffers_size 29k;", less),
        ("proxy_buffers 2 16k; proxy_busy_buffers_size 17k;", less),
        ("proxy_temp_file_write_size 4k; proxy_buffers 8 8k;", &write),
        ("proxy_max_temp_file_size 4k; proxy_buffers 8 8k;", &most),
        ("proxy_max_temp_file_size 1;", &most),
    ] {
        let refusal = Server::locations(&location(inside)).refusal();
        assert!(refusal.contains(why), "{inside}: {refusal}");
        // The same where it is only inherited.
        let outer = Server::locations(&format!("{inside} {}", location(""))).refusal();
        assert!(outer.contains(why), "{inside}: {outer}");
    }
    for inside in [
        "proxy_busy_buffers_size 28k;",
        "proxy_buffers 8 16k; proxy_busy_buffers_size 112k;",
        "proxy_max_temp_file_size 0; proxy_buffers 8 8k;",
        "proxy_temp_file_write_size 8k; proxy_buffers 8 8k;",
    ] {
        let output = Server::locations(&location(inside)).check();
        assert!(output.status.success(), "{inside}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_size_that_nobody_has_set_fits_those_that_somebody_has() {
    if !is_headwater() {
        return; // nginx refuses the first
    }
    for inside in ["proxy_buffer_size 16k;", "proxy_buffers 2 4k;", "proxy_buffer_size 1m;"] {
        let output = Server::locations(&location(inside)).check();
        assert!(output.status.success(), "{inside}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_can_have_no_effect_is_warned_of() {
    for (inside, warning) in [
        ("proxy_send_lowat 1k;", "[warn] \"proxy_send_lowat\" is not supported, ignored"),
        ("proxy_next_upstream error error;", "[warn] duplicate value \"error\""),
        ("proxy_ignore_headers Vary; proxy_ignore_headers Vary;", "[warn] duplicate value \"Vary\""),
    ] {
        // nginx 1.22 has its log only after the configuration; on stderr the level stands as well.
        let output = Server::locations(&location(inside)).check();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && text.contains(warning.trim_start_matches("[warn] ")), "{text}");
    }
}

#[test]
fn a_local_address_is_an_address() {
    for good in ["127.0.0.1", "::1", "127.0.0.1:80", "off", "$remote_addr transparent"] {
        let output = Server::locations(&location(&format!("proxy_bind {good};"))).check();
        assert!(output.status.success(), "{good}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for bad in ["localhost", "unix:/tmp/x", "127.0.0.1.1"] {
        let refusal = Server::locations(&location(&format!("proxy_bind {bad};"))).refusal();
        assert!(refusal.contains(&format!("invalid address \"{bad}\"")), "{bad}: {refusal}");
    }
}
