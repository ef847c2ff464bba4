//! Caching: how a reply is kept, found, shared between processes, and thrown away.
//!
//! *In nginx* `ngx_http_file_cache.c` and the cached half of `ngx_http_upstream.c`, with structs that several
//! processes point into.
//!
//! *Here* two rooms. `cache/` knows keys, files and the index, and no HTTP. `upstream/cache/` knows which
//! replies may be kept and what to do with an old one, and no file names. Between them stands
//! [`Store`](crate::cache::Store).
//!
//! *Read next*: `src/cache/mod.rs`, then `src/upstream/cache/mod.rs`.
//!
//! # One key, three things
//!
//! `proxy_cache_key` makes a text of the request, say `http://origin/a?b`. Its MD5 is the
//! [`Key`](crate::cache::Key), and there may be three things under a key:
//!
//! ```text
//!   a record    in the keys zone, shared memory   asked for 3 times, 8 kB on the disk, nobody fetches it
//!   a file      /data/c/29/b7f5…029c              head of the file │ head of the reply │ body
//!   a lock      one number in the record          process 4711 fetches it, since then
//! ```
//!
//! The file is the truth. Everything in its [`FileHead`](crate::cache::FileHead) can be checked: the text
//! of the key (so an MD5 collision is a miss and nothing else), a checksum, the length of the whole file.
//! The record is a rumour, cheap to ask and sometimes wrong. Who opens the file finds out, and says
//! [`forget`](crate::cache::Store::forget) if it is gone.
//!
//! That division is worth a thought, because it removes a whole kind of bug. In nginx a record counts the
//! requests that use it, so that it is not freed under them. A worker that is killed never counts down,
//! and the record stays for ever (`ignore long locked inactive cache entry`, says the log). Here nobody is
//! counted. A record may go while its file is being sent: the open file stays readable until it is closed,
//! which is what the kernel counts, and the kernel does not forget.
//!
//! # From miss to hit
//!
//! ```text
//!   look_up ─ touch ─▶ may exist? ─ yes ─▶ open ─▶ the key's text is ours? fresh? ─▶ HIT
//!                          │ no                        │ no, or too old
//!                          ▼                           ▼
//!                        lock ─▶ somebody has it ─▶ wait, or serve the old one (UPDATING)
//!                          │ it is ours
//!                          ▼
//!   ask the peer ─▶ judge: may it be kept, how long? ─▶ temporary file ─▶ whole ─▶ rename ─▶ stored
//! ```
//!
//! A file appears by rename(2), so whoever opens one finds a whole one. `use_temp_path=off` makes the
//! temporary file beside the final one, where renaming is never copying.
//!
//! The [`Lock`](crate::cache::Lock) is a value that the request owns. Dropping it gives it back, whatever
//! ended the request, so no path of the code can forget to. If the *process* ends, nobody drops anything;
//! so the lock has the number of its process, and is void when there is no such process.
//!
//! # Memory that several processes write
//!
//! The index is a [`Table`](crate::sys::table::Table) over a row of numbers
//! ([`Words`](crate::sys::words::Words)): a hash table, a list in the order of use, a list of free entries.
//! There are no pointers in it. A link is the number of an entry, and a number too large reads as nothing;
//! so whatever is in that memory, reading it ends, and no other memory is touched.
//!
//! A process can be killed between any two instructions, also while it holds the table's lock. What then?
//!
//! 1. Others spin, and after a while ask the kernel whether the process in the lock's word lives.
//! 2. It does not: one of them takes the lock over, in one step, and knows that it did.
//! 3. It makes all links anew from the keys alone, and the sum of sizes with them.
//!
//! A test kills a process sixty times in the middle of such changes and looks at every link afterwards
//! (`src/sys/table_tests.rs`).
//!
//! # Too old, too much
//!
//! Two processes beside the workers look after the files, as in nginx. Both are closures that do a stretch
//! of work and say how long to sleep ([`process::helper`](crate::process::helper)).
//!
//! - The *cache manager* deletes what nobody asked for during `inactive`, then the least recently used first
//!   what is beyond `max_size`, what `min_free` wants gone, and an eighth of a zone that was full. It comes
//!   every ten seconds, and `manager_files`, `manager_sleep` and `manager_threshold` pace it.
//! - The *cache loader* begins a minute after the start and reads the names of the files of an earlier
//!   life. Until it is through, the zone is *cold*: a key without a record is looked for on the disk all
//!   the same. So a restarted server hits from the first request on; only `max_size` has to wait.
//!
//! A zone that is full does not wait for the manager. The worker that needs a record forgets the one that
//! was not used for the longest time, and deletes its file.
//!
//! # What survives what
//!
//! | event | records | files |
//! | --- | --- | --- |
//! | a worker is killed | stay; its locks are void | stay; one half written stays too, and with `use_temp_path=off` a later loader deletes it |
//! | reload | stay, if name, size and path of the zone do | stay |
//! | reload with another path or other levels | refused | |
//! | restart, new binary | are made anew by the loader | stay |
//! | the machine goes down | are made anew by the loader | those cut short are seen by their length, and deleted |
