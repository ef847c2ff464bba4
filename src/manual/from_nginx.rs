//! From nginx: where is what I know?
//!
//! *In nginx* a name says the layer, the thing and the verb: `ngx_http_upstream_process_header`.
//!
//! *Here* the prefix has become the path and the verb has stayed: `upstream/header.rs: process_header`.
//! Paths are below `src/`. A test checks that every file is there and that every name is defined in it.
//! Where a thing has no counterpart of its own, the nearest one is given, and what is different.
//!
//! *Read next*: [`slots`](super::slots) and [`holds`](super::holds), the two ideas that have changed most.
//!
//! # The loop
//!
//! One turn, and what it looks at.
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_worker_process_cycle` | `worker/mod.rs: run` |
//! | `ngx_process_events_and_timers` | `worker/mod.rs: turn` |
//! | `ngx_epoll_process_events` | `event/net.rs: poll, note` |
//! | `ngx_event_t` | `event/conn.rs: Readiness` |
//! | `ev->ready` | `event/conn.rs: ready`; cleared by `recv` and `send` alone |
//! | `ev->delayed` | `event/conn.rs: delayed` |
//! | `ev->timedout` | `event/conn.rs: timed_out` |
//! | `ev->instance` | `event/conn.rs: generation`; 32 bits in place of one |
//! | `ngx_connection_t` | `event/conn.rs: Connection` |
//! | `c->data` | `event/owner.rs: Owner`; with its type back |
//! | `c->number` | `event/conn.rs: number` |
//! | `ngx_get_connection` | `event/table.rs: insert` |
//! | `ngx_free_connection`, `ngx_close_connection` | `event/net.rs: close` |
//! | `ngx_cycle->connections` | `event/table.rs: Table` |
//! | `ngx_reusable_connection` | `event/reusable.rs: set_reusable` |
//! | `ngx_drain_connections` | `worker/arrivals.rs: drain` |
//! | `ngx_handle_read_event`, `ngx_handle_write_event` | `event/wait.rs: wait`; one registration for the life of a connection; what is left is going to sleep |
//! | `ngx_add_timer` | `event/wait.rs: set_timer` |
//! | `ngx_del_timer` | `event/wait.rs: cancel_timer` |
//! | `ngx_event_timer_rbtree` | `event/timer.rs: Timers`; a heap |
//! | `ngx_event_expire_timers` | `event/wait.rs: expired` |
//! | `NGX_TIMER_LAZY_DELAY` | `event/conn.rs: queued`; the same thought, without a limit |
//! | `ngx_post_event` | `event/wait.rs: post` |
//! | `ngx_posted_events` | `event/posted.rs: Posted` |
//! | `ngx_posted_next_events` | `event/posted.rs: push_next` |
//! | `ngx_event_process_posted` | `event/posted.rs: pop` |
//! | `ngx_event_accept` | `event/accept.rs: accept` |
//! | `ngx_disable_accept_events` | `worker/arrivals.rs: accept_posted` |
//! | `ngx_current_msec` | `event/clock.rs: now` |
//! | `ngx_time_update` | `event/clock.rs: update` |
//! | `ngx_event_connect_peer` | `event/connect.rs: connect` |
//! | `ngx_recv`, `ngx_unix_recv` | `event/stream.rs: recv` |
//! | `ngx_send_chain`, `ngx_linux_sendfile_chain` | `event/stream.rs: send_chain` |
//! | `ngx_sendfile_max_chunk`, `sendfile_max_chunk` | `http/output/write.rs: allowance` |
//! | `ngx_listening_t` | `event/listening.rs: Listen` |
//! | `ngx_open_listening_sockets` | `process/listen.rs: open` |
//! | `ngx_configure_listening_sockets` | `event/listening.rs: configure` |
//!
//! # Memory
//!
//! There are no pools: memory is counted, and an exchange that is over is used again.
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_pool_t` | `worker/release.rs: Exchanges`; what it is for: memory that is not asked for again |
//! | `ngx_buf_t` | `sys/page.rs: Page, Slice` |
//! | `ngx_chain_t` | `buf/chain.rs: Chain` |
//! | `b->last_buf` | `buf/chain.rs: last` |
//! | `b->flush` | `buf/chain.rs: flush` |
//! | `b->in_file` | `buf/chain.rs: FileRange` |
//! | `ngx_chain_update_sent` | `buf/chain.rs: consume` |
//! | `ngx_temp_file_t` | `buf/temp_file.rs: TempFile` |
//! | `ngx_create_hashed_filename` | `buf/temp_file.rs: TempPath` |
//! | `ngx_str_t` | `sys/page.rs: Slice` |
//! | `ngx_shm_zone_t` | `conf/zone.rs: Zone` |
//! | `ngx_slab_pool_t`, `ngx_shmtx_t` | `sys/words.rs: Words, lock` |
//!
//! # The configuration
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_conf_parse` | `conf/include.rs: Reader` |
//! | `ngx_conf_read_token` | `conf/lexer.rs: Lexer` |
//! | `ngx_conf_handler` | `conf/build.rs: apply_line` |
//! | `ngx_command_t` | `conf/directive.rs: Directive` |
//! | `ngx_module_t` | `conf/directive.rs: Module` |
//! | `ngx_modules[]` | `modules/mod.rs: MODULES` |
//! | `ngx_conf_t` | `conf/build.rs: Cx` |
//! | `ngx_conf_set_flag_slot` | `conf/value.rs: flag` |
//! | `ngx_conf_set_num_slot` | `conf/value.rs: number` |
//! | `ngx_conf_set_size_slot`, `ngx_conf_set_off_slot` | `conf/value.rs: size` |
//! | `ngx_conf_set_msec_slot` | `conf/value.rs: msec` |
//! | `ngx_conf_set_sec_slot` | `conf/value.rs: sec` |
//! | `ngx_conf_set_str_slot` | `conf/value.rs: string` |
//! | `ngx_conf_set_enum_slot` | `conf/value.rs: choice` |
//! | `ngx_conf_set_bitmask_slot` | `conf/value.rs: bits` |
//! | `ngx_conf_set_bufs_slot` | `conf/value.rs: buffers` |
//! | `NGX_CONF_UNSET`, `ngx_conf_merge_value` | `conf/merge.rs: Setting, merge` |
//! | `create_loc_conf`, `merge_loc_conf` | `conf/merge.rs: settings`; the macro writes both |
//! | `ngx_http_get_module_loc_conf` | `conf/merge.rs: Confs` |
//! | `ngx_conf_full_name` | `conf/build.rs: path, conf_path` |
//! | `ngx_http_compile_complex_value` | `conf/template.rs: compile` |
//! | `ngx_http_complex_value` | `http/vars/template.rs: eval` |
//! | `ngx_cycle_t` | `http/cycle.rs: HttpCycle` |
//! | `ngx_init_cycle` | `worker/app.rs: load` |
//! | `postconfiguration` | `http/module.rs: after` |
//!
//! # A request arrives
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_init_connection` | `http/client/wait.rs: begin` |
//! | `ngx_http_wait_request_handler` | `http/client/wait.rs: readable` |
//! | `ngx_http_create_request` | `worker/release.rs: begin` |
//! | `ngx_http_process_request_line` | `http/client/head.rs: request_line` |
//! | `ngx_http_parse_request_line` | `parse/request_line.rs: parse` |
//! | `ngx_http_process_request_headers` | `http/client/head.rs: headers` |
//! | `ngx_http_parse_header_line` | `parse/header.rs: parse` |
//! | `ngx_http_alloc_large_header_buffer` | `http/client/head.rs: grow` |
//! | `ngx_http_process_request_header` | `http/client/fields.rs: judge` |
//! | `ngx_http_parse_complex_uri` | `parse/uri.rs: parse_complex_uri` |
//! | `ngx_http_parse_unsafe_uri` | `parse/uri.rs: parse_unsafe_uri` |
//! | `ngx_http_validate_host` | `parse/host.rs: validate_host` |
//! | `ngx_http_set_virtual_server` | `http/client/host.rs: set, choose_server` |
//! | `ngx_http_process_request` | `http/client/head.rs: begin` |
//! | `ngx_proxy_protocol_read` | `util/proxy_protocol.rs: ProxyProtocol` |
//! | `ngx_http_request_t` | `http/request.rs: Request` |
//! | `r->main->count` | `http/holds.rs: Holds` |
//! | `r->main` | `http/exchange.rs: Exchange` |
//! | `r->read_event_handler` | `http/exchange.rs: read`; of the client; the values are in `http/slots.rs: ClientRead` |
//! | `r->write_event_handler` | `http/request.rs: write`; the values are in `http/slots.rs: ClientWrite` |
//! | `r->ctx[]` | `http/request.rs: Contexts`; found by their types |
//! | `r->headers_in` | `http/headers.rs: HeadersIn` |
//! | `r->headers_out` | `http/headers.rs: HeadersOut` |
//! | `r->cleanup` | `http/request.rs: cleanups` |
//! | `r->variables` | `http/exchange.rs: variables` |
//! | `c->log->action` | `http/exchange.rs: action` |
//! | `ngx_http_log_error` | `http/logging.rs: log` |
//!
//! # Phases and locations
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_core_run_phases` | `http/phases.rs: run` |
//! | `ngx_http_phases` | `http/phases.rs: Phase` |
//! | `ngx_http_init_phase_handlers` | `http/phases.rs: build` |
//! | `ngx_http_core_find_config_phase` | `http/phases.rs: find_config` |
//! | `ngx_http_core_find_location` | `http/location.rs: find` |
//! | `ngx_http_update_location_config` | `http/phases.rs: update_location_config` |
//! | `ngx_http_core_post_rewrite_phase` | `http/phases.rs: post_rewrite` |
//! | `ngx_http_core_access_phase` | `http/phases.rs: access` |
//! | `ngx_http_core_post_access_phase` | `http/phases.rs: post_access` |
//! | `ngx_http_core_content_phase` | `http/phases.rs: content` |
//! | `clcf->handler` | `http/request.rs: content_handler` |
//! | `ngx_http_core_loc_conf_t` | `http/conf.rs: CoreLocation` |
//! | `ngx_http_core_srv_conf_t` | `http/conf.rs: CoreServer` |
//! | `ngx_http_internal_redirect` | `http/redirect.rs: internal_redirect` |
//! | `ngx_http_named_location` | `http/redirect.rs: named_location` |
//! | `ngx_http_map_uri_to_path` | `http/files.rs: map_uri_to_path` |
//! | `ngx_http_get_variable` | `http/vars/mod.rs: get, by_name` |
//! | `ngx_http_add_variable` | `http/vars/table.rs: VarNames, declare` |
//! | `ngx_http_regex_exec` | `http/vars/regex.rs: exec` |
//!
//! # The request body
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_read_client_request_body` | `http/body/read.rs: read_client_request_body` |
//! | `ngx_http_do_read_client_request_body` | `http/body/read.rs: read_on, read_some` |
//! | `ngx_http_read_client_request_body_handler` | `http/body/read.rs: read_client_request_body_handler` |
//! | `ngx_http_read_unbuffered_request_body` | `http/body/unbuffered.rs: read_unbuffered_request_body` |
//! | `ngx_http_discard_request_body` | `http/body/discard.rs: discard_request_body` |
//! | `ngx_http_discarded_request_body_handler` | `http/body/discard.rs: discarded_request_body_handler` |
//! | `ngx_http_test_expect` | `http/body/read.rs: test_expect` |
//! | `ngx_http_parse_chunked` | `parse/chunked.rs: parse` |
//! | `r->request_body` | `http/body/mod.rs: Body` |
//!
//! # The answer
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_send_header` | `http/output/mod.rs: send_header` |
//! | `ngx_http_header_filter` | `http/output/header.rs: send` |
//! | `ngx_http_output_filter` | `http/output/mod.rs: output` |
//! | `ngx_http_top_header_filter`, `ngx_http_next_header_filter` | `http/output/mod.rs: HeaderFilter`; a list, ordered by `http/output/mod.rs: Stage` |
//! | `ngx_http_top_body_filter`, `ngx_http_next_body_filter` | `http/output/mod.rs: BodyFilter`; only those a response needs |
//! | `ngx_http_copy_filter` | `http/output/copy.rs: filter` |
//! | `ngx_http_postpone_filter` | `http/output/postpone.rs: filter` |
//! | `ngx_http_chunked_body_filter` | `http/output/chunked.rs: filter` |
//! | `ngx_http_write_filter` | `http/output/write.rs: filter` |
//! | `r->out` | `http/exchange.rs: out` |
//! | `r->buffered` | `http/request.rs: buffered` |
//! | `ngx_http_send_special` | `http/output/mod.rs: send_last` |
//! | `ngx_http_send_response` | `http/output/mod.rs: send_response` |
//! | `ngx_http_special_response_handler` | `http/special.rs: respond` |
//! | `ngx_http_send_error_page` | `http/special.rs: error_page` |
//! | `ngx_http_set_content_type` | `http/output/mod.rs: set_content_type` |
//!
//! # The end of a request
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_finalize_request` | `http/finalize.rs: finalize_request`; called by `worker/settle.rs: settle` alone |
//! | `NGX_OK`, `NGX_AGAIN`, `NGX_DONE`, `NGX_DECLINED`, `NGX_ERROR` | `http/turn.rs: Status` |
//! | `ngx_http_finalize_connection` | `http/finalize.rs: finalize_connection` |
//! | `ngx_http_set_write_handler` | `http/finalize.rs: set_write_handler` |
//! | `ngx_http_writer` | `http/finalize.rs: writer` |
//! | `ngx_http_terminate_request` | `http/finalize.rs: terminate`, with `worker/release.rs: give_up` |
//! | `ngx_http_free_request` | `worker/release.rs: free` |
//! | `ngx_http_close_request` | `worker/mod.rs: with_exchange` |
//! | `ngx_http_set_keepalive` | `worker/release.rs: keep_alive` |
//! | `ngx_http_keepalive_handler` | `http/client/wait.rs: readable` |
//! | `ngx_http_set_lingering_close` | `http/client/lingering.rs: begin` |
//! | `ngx_http_lingering_close_handler` | `http/client/lingering.rs: readable` |
//! | `ngx_http_test_reading` | `http/client/broken.rs: test_reading` |
//! | `ngx_http_log_request` | `http/access_log.rs: log_request` |
//! | `ngx_http_run_posted_requests` | `worker/mod.rs: with_exchange` |
//! | `ngx_http_post_request` | `http/exchange.rs: post` |
//!
//! # Subrequests
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_subrequest` | `http/subrequest.rs: Subrequest, start` |
//! | `NGX_HTTP_SUBREQUEST_IN_MEMORY` | `http/subrequest.rs: in_memory` |
//! | `NGX_HTTP_SUBREQUEST_WAITED` | `http/subrequest.rs: waited` |
//! | `NGX_HTTP_SUBREQUEST_BACKGROUND` | `http/subrequest.rs: background` |
//! | `NGX_HTTP_SUBREQUEST_CLONE` | `http/subrequest.rs: clone_of` |
//! | `r->post_subrequest` | `http/request.rs: post_subrequest` |
//! | `r->postponed` | `http/request.rs: postponed` |
//! | `ngx_http_request_finalizer` | `http/slots.rs: Finalizer` |
//! | `ngx_http_post_action` | `http/subrequest.rs: post_action` |
//!
//! # The upstream
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_upstream_t` | `http/upstreamed.rs: Upstream` |
//! | `u->peer` | `http/upstreamed.rs: Peer` |
//! | `u->conf` | `http/upstream_conf.rs: UpstreamConf` |
//! | `u->state` | `http/upstreamed.rs: State` |
//! | `u->headers_in` | `protocol/head.rs: Head`; its list of fields is `protocol/fields.rs: Fields` |
//! | `u->buffer` | `http/upstreamed.rs: page`; with `protocol/input.rs: Cursor` |
//! | `u->read_event_handler` | `http/slots.rs: PeerRead` |
//! | `u->write_event_handler` | `http/slots.rs: PeerWrite` |
//! | `ngx_http_upstream_create`, `ngx_http_upstream_init` | `upstream/init.rs: begin` |
//! | `ngx_http_upstream_init_request` | `upstream/init.rs: init_request` |
//! | `ngx_http_upstream_resolve_handler` | `upstream/resolve.rs: resolved` |
//! | `ngx_http_upstream_connect` | `upstream/connect.rs: connect, to_peer` |
//! | `ngx_http_upstream_test_connect` | `upstream/send.rs: is_connected` |
//! | `ngx_http_upstream_reinit` | `upstream/next.rs: reinit` |
//! | `ngx_http_upstream_send_request` | `upstream/send.rs: send_request` |
//! | `ngx_http_upstream_send_request_handler` | `upstream/send.rs: send_request_handler` |
//! | `ngx_http_upstream_send_request_body` | `upstream/send.rs: more_body` |
//! | `ngx_http_upstream_read_request_handler` | `upstream/send.rs: stream_body` |
//! | `ngx_http_upstream_handler` | `worker/switchboard.rs: peer` |
//! | `ngx_http_upstream_check_broken_connection` | `upstream/broken.rs: check_broken` |
//! | `ngx_http_upstream_process_header` | `upstream/header.rs: process_header` |
//! | `ngx_http_upstream_process_early_hints` | `upstream/early.rs: interim` |
//! | `ngx_http_upstream_test_next` | `upstream/next.rs: test_next` |
//! | `ngx_http_upstream_intercept_errors` | `upstream/heads.rs: intercept_errors` |
//! | `ngx_http_upstream_process_headers` | `upstream/heads.rs: process_headers` |
//! | `ngx_http_upstream_send_response` | `upstream/relay.rs: send_response` |
//! | `ngx_http_upstream_upgrade` | `upstream/upgraded.rs: begin` |
//! | `ngx_http_upstream_process_upgraded` | `upstream/upgraded.rs: process` |
//! | `ngx_http_upstream_process_non_buffered_request` | `upstream/unbuffered.rs: process` |
//! | `ngx_http_upstream_process_non_buffered_downstream` | `upstream/unbuffered.rs: downstream` |
//! | `ngx_http_upstream_process_non_buffered_upstream` | `upstream/unbuffered.rs: upstream` |
//! | `ngx_http_upstream_process_body_in_memory` | `upstream/unbuffered.rs: process`; memory is an output like any other |
//! | `ngx_http_upstream_process_downstream` | `upstream/pipe/mod.rs: downstream` |
//! | `ngx_http_upstream_process_upstream` | `upstream/pipe/mod.rs: upstream` |
//! | `ngx_event_pipe_t` | `http/upstreamed.rs: Pipe` |
//! | `ngx_event_pipe` | `upstream/pipe/mod.rs: process` |
//! | `ngx_event_pipe_read_upstream` | `upstream/pipe/fill.rs: fill` |
//! | `ngx_event_pipe_write_to_downstream` | `upstream/pipe/drain.rs: drain` |
//! | `ngx_event_pipe_write_chain_to_temp_file` | `upstream/pipe/spill.rs: spill` |
//! | `ngx_http_upstream_store` | `upstream/store.rs: finish` |
//! | `ngx_http_upstream_next` | `upstream/next.rs: next` |
//! | `NGX_HTTP_UPSTREAM_FT_ERROR` and its like | `http/turn.rs: Failure` |
//! | `ngx_http_upstream_finalize_request` | `upstream/finish.rs: finalize` |
//! | `ngx_http_upstream_cleanup` | `upstream/finish.rs: abandon` |
//! | `X-Accel-Redirect` | `upstream/finish.rs: redirect` |
//!
//! # TLS
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_ssl_connection_t`, `c->ssl` | `tls/session.rs: Session` |
//! | `ngx_ssl_handshake` | `tls/session.rs: shake` |
//! | `ngx_ssl_recv` | `event/secure.rs: recv_secure` |
//! | `ngx_ssl_send_chain`, `ngx_ssl_write` | `event/secure.rs: send_chain_secure` |
//! | `ngx_ssl_shutdown` | `tls/session.rs: say_goodbye` |
//! | `ngx_ssl_certificate` | `tls/keys.rs: pair` |
//! | `ngx_ssl_ciphers` | `tls/ciphers.rs: select` |
//! | `ngx_ssl_session_cache`, `ngx_ssl_get_cached_session` | `tls/sessions.rs: Memory` |
//! | `ngx_ssl_session_ticket_keys` | `tls/sessions.rs: Tickets` |
//! | `ngx_ssl_check_host` | `tls/names.rs: is_for` |
//! | `SSL_get_verify_result` | `tls/verify.rs: verify` |
//! | `ngx_http_ssl_srv_conf_t` | `http/ssl/conf.rs: SslServer` |
//! | `ngx_http_ssl_handshake` | `http/ssl/handshake.rs: step` |
//! | `ngx_http_ssl_servername` | `http/ssl/handshake.rs: choose` |
//! | `ngx_http_upstream_ssl_init_connection`, `ngx_http_upstream_ssl_handshake` | `upstream/tls.rs: handshake` |
//! | `ngx_http_upstream_ssl_name` | `upstream/tls.rs: aim` |
//!
//! # A protocol module
//!
//! The nine callbacks have kept their names.
//!
//! | nginx | here |
//! | --- | --- |
//! | `u->create_request` | `protocol/mod.rs: create_request` |
//! | `u->reinit_request` | `protocol/mod.rs: reinit_request` |
//! | `u->process_header` | `protocol/mod.rs: process_header` |
//! | `u->input_filter_init` | `protocol/mod.rs: input_filter_init` |
//! | `u->input_filter`, `p->input_filter` | `protocol/mod.rs: input_filter`; one for all ways; mostly `protocol/framing.rs: Decoder` does |
//! | `u->abort_request` | `protocol/mod.rs: abort_request` |
//! | `u->finalize_request` | `protocol/mod.rs: finalize_request` |
//! | `u->rewrite_redirect` | `protocol/mod.rs: rewrite_redirect` |
//! | `u->rewrite_cookie` | `protocol/mod.rs: rewrite_cookie` |
//! | `u->length` | `protocol/framing.rs: Framing` |
//! | `u->keepalive` | `protocol/head.rs: keepalive` |
//! | `ngx_http_proxy_create_request` | `protocol/http1/request.rs: write` |
//! | `ngx_http_proxy_process_status_line`, `ngx_http_proxy_process_header` | `protocol/http1/reply.rs: process` |
//! | `ngx_http_proxy_copy_filter`, `ngx_http_proxy_chunked_filter` | `protocol/framing.rs: decode` |
//! | `ngx_http_memcached_process_header` | `protocol/memcached.rs: process_header` |
//! | `ngx_http_memcached_filter` | `protocol/framing.rs: Tailed` |
//! | `ngx_http_fastcgi_create_request` | `protocol/fastcgi/mod.rs: create_request` |
//! | `ngx_http_fastcgi_process_record` | `protocol/fastcgi/record.rs: Reader` |
//! | `ngx_http_fastcgi_split` | `protocol/fastcgi/script.rs: script` |
//! | `ngx_http_scgi_create_request` | `protocol/scgi.rs: create_request` |
//! | `ngx_http_uwsgi_create_request` | `protocol/uwsgi.rs: create_request` |
//! | `ngx_http_upstream_param_set_slot` | `protocol/params.rs: param` |
//! | `proxy_pass` | `upstream/pass.rs: set` |
//! | `proxy_read_timeout` and the rest of the shared set | `upstream/directives/rows.rs: ROWS`; once for all protocols |
//!
//! # Balancing
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_upstream_srv_conf_t` | `balance/group.rs: Group` |
//! | `ngx_http_upstream_main_conf_t` | `upstream/modules.rs: UpstreamMain` |
//! | `ngx_http_upstream_server_t` | `balance/server.rs: Server` |
//! | `ngx_http_upstream_rr_peer_t` | `balance/peers.rs: Peer, State` |
//! | `ngx_http_upstream_rr_peers_t` | `balance/peers.rs: Roster, List` |
//! | `ngx_http_upstream_rr_peer_data_t` | `balance/tried.rs: Tried` |
//! | `peer.get` | `balance/group.rs: pick` |
//! | `peer.free` | `balance/group.rs: free` |
//! | `pc->tries` | `balance/tried.rs: tries` |
//! | `NGX_PEER_FAILED`, `NGX_PEER_NEXT` | `balance/mod.rs: Verdict` |
//! | `ngx_http_upstream_get_round_robin_peer` | `balance/round_robin.rs: pick` |
//! | `ngx_http_upstream_free_round_robin_peer` | `balance/round_robin.rs: failed, served` |
//! | `ngx_http_upstream_get_least_conn_peer` | `balance/least_conn.rs: pick` |
//! | `ngx_http_upstream_get_ip_hash_peer` | `balance/ip_hash.rs: pick` |
//! | `ngx_http_upstream_get_hash_peer` | `balance/hash.rs: modulo` |
//! | `ngx_http_upstream_get_chash_peer` | `balance/hash.rs: on_ring` |
//! | `ngx_http_upstream_get_random2_peer` | `balance/random.rs: pick` |
//! | `ngx_http_upstream_get_keepalive_peer` | `upstream/pool.rs: take` |
//! | `ngx_http_upstream_free_keepalive_peer` | `upstream/pool.rs: park` |
//! | `ngx_http_upstream_keepalive_close_handler` | `upstream/pool.rs: event` |
//! | `ngx_http_upstream_add` | `balance/groups.rs: locate` |
//! | `upstream { zone }` | `balance/zone.rs: Zone` |
//!
//! # Names
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_resolve_start`, `ngx_resolve_name` | `resolver/service.rs: resolve` |
//! | `ngx_resolver_process_response` | `resolver/message.rs: parse` |
//! | `ngx_resolver_resend_handler` | `resolver/service.rs: ask_again` |
//! | `ngx_resolver_cleanup` | `resolver/service.rs: cancel` |
//!
//! # The cache in front of the peers
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_upstream_cache` | `upstream/cache/mod.rs: look_up` |
//! | `ngx_http_upstream_cache_get` | `upstream/cache/find.rs: find` |
//! | `ngx_http_upstream_cache_send` | `upstream/cache/serve.rs: serve` |
//! | `ngx_http_upstream_cache_background_update` | `upstream/cache/stale.rs: update_behind` |
//! | `ngx_http_file_cache_lock` | `upstream/cache/wait.rs: begin`; waiters are woken, they do not ask again and again |
//!
//! # TLS
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_ssl_t` | `tls/server.rs: ServerTls` |
//! | `ngx_ssl_connection_t` | `tls/session.rs: Session` |
//! | `ngx_ssl_handshake` | `event/secure.rs: shake` |
//! | `ngx_ssl_recv`, `ngx_ssl_send_chain` | `event/secure.rs: recv_secure, send_chain_secure` |
//! | `ngx_http_ssl_handshake_handler` | `http/ssl/handshake.rs: step` |
//!
//! # Processes
//!
//! | nginx | here |
//! | --- | --- |
//! | `main` | `process/run.rs: run` |
//! | `ngx_get_options` | `process/args.rs: parse` |
//! | `ngx_master_process_cycle` | `process/master.rs: run` |
//! | `ngx_single_process_cycle` | `process/run.rs: run_alone` |
//! | `ngx_start_worker_processes` | `process/master.rs: start_workers` |
//! | `ngx_worker_process_init` | `process/worker_process.rs: begin` |
//! | `ngx_reap_children` | `process/master.rs: reap` |
//! | `ngx_signal_handler` | `sys/signal.rs: SignalFd`; no handler: a descriptor |
//! | `ngx_exec_new_binary` | `process/master.rs: change_binary` |
//! | `ngx_add_inherited_sockets` | `process/upgrade.rs: inherited` |
//! | `ngx_create_pidfile` | `process/pidfile.rs: create` |
//! | `ngx_daemon` | `process/daemon.rs: daemonize` |
//! | `ngx_setproctitle` | `sys/title.rs: set` |
//! | `ngx_exiting` | `http/io.rs: exiting` |
//! | `ngx_log_error_core` | `log/error_log.rs: write_with` |
//! | `ngx_log_debug` | `log/bridge.rs: install` |
//! | `ngx_reopen_files` | `log/error_log.rs: reopen` |
//!
//! # The files of the cache
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_file_cache_t` | `cache/mod.rs: Store` |
//! | `ngx_http_file_cache_set_slot` | `cache/path.rs: set` |
//! | `ngx_http_file_cache_node_t` | `cache/records.rs: Records`; over the words of `sys/table.rs: Table` |
//! | `ngx_http_file_cache_exists` | `cache/records.rs: touch` |
//! | `fcn->updating`, `c->updating` | `cache/records.rs: Lock`; void when its owner's process is gone |
//! | `fcn->count` | nothing: a record may go while its file is sent |
//! | `ngx_http_file_cache_update` | `cache/files.rs: publish`, `cache/records.rs: stored` |
//! | `ngx_http_file_cache_forced_expire` | `cache/records.rs: evict_oldest` |
//! | `ngx_http_file_cache_header_t` | `cache/head.rs: FileHead` |
//! | `ngx_http_file_cache_manager` | `cache/manager.rs: turn` |
//! | `ngx_http_file_cache_loader`, `ngx_walk_tree` | `cache/loader.rs: turn` |
//! | `ngx_cache_manager_process_cycle` | `process/helper.rs: run` |
//! | `ngx_start_cache_manager_processes` | `worker/helpers.rs: of` |
//!
//! # Modules
//!
//! A module of `src/http/modules` is a file of `src/modules`, mostly under its own name. Those that are not:
//!
//! | nginx | here |
//! | --- | --- |
//! | `ngx_http_static_module` | `modules/static_file.rs: handler` |
//! | `ngx_http_rewrite_module` | `modules/rewrite/mod.rs: MODULE` |
//! | `ngx_http_range_filter_module` | `modules/range.rs: MODULE` |
//! | `ngx_http_not_modified_filter_module` | `modules/not_modified.rs: MODULE` |
//! | `ngx_http_headers_filter_module` | `modules/headers.rs: MODULE`; `add_header`; `expires` is `modules/expires.rs` |
//! | `ngx_http_userid_filter_module` | `modules/userid.rs: MODULE` |
//! | `ngx_http_log_module` | `modules/access_log/mod.rs: MODULE` |
//! | `ngx_http_limit_req_module` | `modules/limits/req.rs: MODULE` |
//! | `ngx_http_limit_conn_module` | `modules/limits/conn.rs: MODULE` |
//! | `ngx_http_ssi_filter_module` | `modules/ssi/mod.rs: MODULE` |
//! | `ngx_http_slice_filter_module` | `modules/slice.rs: MODULE` |
//! | `ngx_open_cached_file` | `modules/open_files.rs: open` |
//! | `ngx_http_realip_module` | `modules/realip.rs: MODULE` |
//! | `ngx_http_stub_status_module` | `modules/stub_status.rs: MODULE` |
//! | `ngx_http_core_module`, its directives | `http/core_directives/mod.rs: MODULE` |
