//! Makes of what describes the API over HTTP what is sent.

use std::{env, error::Error, fs, path::PathBuf};

/// As it is sent: not as it is read, for half of that is room at the start of lines.
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src/platform/api/openapi.json");
    let sent = PathBuf::from(env::var("OUT_DIR")?).join("openapi.json");
    let kept = fs::read_to_string("src/platform/api/openapi.json")?;
    Ok(fs::write(sent, kept.lines().map(str::trim_start).collect::<String>())?)
}
