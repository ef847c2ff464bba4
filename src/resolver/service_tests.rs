//! A worker's names against a name server of the test, over real sockets of the loopback.
