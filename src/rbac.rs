//! The rules: pure, synchronous, and ignorant of storage, time and the wire.

pub mod action;
pub mod level;
pub mod mask;
pub mod text;
