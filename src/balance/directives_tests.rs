//! Blocks read from text.
