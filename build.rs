//! Says how the release is linked: where functions lie, and how its addresses are noted.

use std::{collections::BTreeSet, env, error::Error, fs, path::PathBuf, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=layout/started.txt");
    println!("cargo:rerun-if-env-changed=RELEASE_LAYOUT");
    println!("cargo:rerun-if-env-changed=RELEASE_ADDRESSES");
    // Not all linkers read scripts, or know of what is said here: whoever uses such a one goes without.
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") || is("RELEASE_LAYOUT", "off") {
        return Ok(());
    }
    if unpacks_addresses() && !is("RELEASE_ADDRESSES", "list") {
        println!("cargo:rustc-link-arg-bins=-z");
        println!("cargo:rustc-link-arg-bins=pack-relative-relocs");
    }
    lay_out()
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|set| set == value)
}

/// Whether this machine's C library, from 2.36 on, takes addresses that depend on where the program is loaded from a map of them, of
/// a bit each, instead of a list of them, which is 0.4 MB and read at each start. A program for another machine, or with another C
/// library, does without.
fn unpacks_addresses() -> bool {
    let is_for_here =
        is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST").is_ok_and(|host| is("TARGET", &host));
    is_for_here && c_library().is_some_and(|version| version >= (2, 36))
}

/// The version of this machine's C library, if that is the GNU one.
fn c_library() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = str::from_utf8(&told.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Lays what a server executes between its start and its first answers beside each other: the kernel maps much around whatever
/// is touched of a program, which should be more of the same. `layout/observe.py` finds out what that is.
fn lay_out() -> Result<(), Box<dyn Error>> {
    let script = PathBuf::from(env::var("OUT_DIR")?).join("layout.ld");
    let list = fs::read_to_string("layout/started.txt")?;
    let names = || list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    // What compilers take for unlikely to be called has sections with names of another kind.
    let place = |name: &str| format!("*(.text.{name} .text.unlikely.{name})\n");
    // First those that are known by their hashes; then all that have their names but for those. With another compiler, and of
    // what has other types now, only the latter are found: the same and much more, less dense.
    let known = names().map(place);
    let alike = names().filter_map(without_hash).collect::<BTreeSet<_>>();
    let alike = alike.iter().map(|name| place(&format!("{name}17h*")));
    let places: String = known.chain(alike).collect();
    fs::write(&script, format!("SECTIONS {{ .text.started : {{\n{places}}} }} INSERT BEFORE .text;\n"))?;
    println!("cargo:rustc-link-arg-bins=-T{}", script.to_str().ok_or("the path of the build must be text")?);
    Ok(())
}

/// A function's name without its hash, if it has one: 16 digits at its end, but for what tells namesakes apart.
fn without_hash(name: &str) -> Option<&str> {
    let (name, hash) = name.strip_suffix(".*").unwrap_or(name).strip_suffix('E')?.rsplit_once("17h")?;
    (hash.len() == 16).then_some(name)
}
