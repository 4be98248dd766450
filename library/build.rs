//! Makes of what describes the API over HTTP what is sent.

use std::{env, error::Error, fs, path::PathBuf};

const DESCRIPTION: &str = "src/platform/api/openapi.json";

/// As it is sent: not as it is read, for half of that is room at the start of lines.
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={DESCRIPTION}");
    let sent = PathBuf::from(env::var("OUT_DIR")?).join("openapi.json");
    Ok(fs::write(sent, fs::read_to_string(DESCRIPTION)?.lines().map(str::trim_start).collect::<String>())?)
}
