//! The library under the program's name, for what is built beside the program: tests, benchmarks.

pub use library::*;
