//! Good messages that clients, resolvers and people who write configurations send.
