//! rolegate
fn main() {}
