//! The walls between the layers, found by looking for stray names of outside crates and of other layers.

use std::path::{Path, PathBuf};

/// A layer, and what it must not name. Of those that are packages of their own, the manifest keeps most of that: see below.
const WALLS: [(&str, &[&str]); 7] = [
    ("rbac", &["std::time", "std::net", "std::fs", "std::thread", "async fn"]),
    ("serving/src/grpc", &["hashbrown", "crate::net"]),
    ("serving/src/net", &["prost", "hashbrown", "crate::decision_log"]),
    ("library/src/admin", &["sqlx", "hashbrown", "crate::net", "crate::server", "crate::cli"]),
    ("library/src/platform", &["sqlx", "hashbrown", "prost", "crate::net", "crate::server", "crate::cli"]),
    (
        "serving/src/decision_log",
        &[
            "tonic",
            "prost",
            "hashbrown",
            "crate::rbac",
            "crate::store",
            "crate::engine",
            "rolegate_rbac",
            "rolegate_store",
            "rolegate_engine",
            "crate::grpc",
            "crate::net",
        ],
    ),
    ("library/src/cli", &["sqlx"]),
];

/// A layer that is a package, and what it must not depend on.
const PACKAGES: [(&str, &[&str]); 3] = [
    ("store", &["tonic", "prost", "hashbrown", "rolegate-engine", "rolegate-serving", "rolegate-library"]),
    ("engine", &["tonic", "prost", "sqlx", "rolegate-serving", "rolegate-library"]),
    ("serving", &["sqlx", "toml", "ureq", "utoipa", "rolegate-library"]),
];

/// A layer's file, if there is one of its name, and everything below its folder.
fn files_of(layer: &str) -> Vec<PathBuf> {
    let layer = Path::new(env!("CARGO_MANIFEST_DIR")).join(layer);
    let mut found = Vec::from_iter(Some(layer.with_extension("rs")).filter(|file| file.exists()));
    let mut folders = vec![layer];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The lines of code that name it: comments do not count, nor do longer names that hold it.
fn lines_naming(code: &str, name: &str) -> Vec<String> {
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let names = |line: &&str| {
        line.match_indices(name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + name.len()..].chars().next();
            !before.is_some_and(|c| is_part_of_name(c) || c == '"') && !after.is_some_and(is_part_of_name)
        })
    };
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: String = code.lines().filter(is_code).flat_map(|line| [line, "\n"]).collect();
    code.lines().chain(imports(&code).iter().map(String::as_str)).filter(names).map(str::to_owned).collect()
}

/// What is imported of this package in one statement, each written out from its root.
fn imports(code: &str) -> Vec<String> {
    let statements = code.split("use crate::{").skip(1).filter_map(|rest| Some(rest.split_once("};")?.0));
    let mut depth = 0;
    let mut is_between = |letter: char| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    };
    let items: Vec<_> =
        statements.flat_map(|items| items.split(&mut is_between).collect::<Vec<_>>()).collect();
    items.iter().map(|item| format!("crate::{}", item.trim())).collect()
}

#[test]
fn no_layer_names_what_it_must_not_know() {
    let mut strays = Vec::new();
    for (layer, banned) in WALLS {
        for file in files_of(layer) {
            let code = std::fs::read_to_string(&file).unwrap();
            for name in banned {
                let lines = lines_naming(&code, name);
                strays.extend(lines.into_iter().map(|line| format!("{}: {}", file.display(), line.trim())));
            }
        }
    }
    assert!(strays.is_empty(), "through the wall:\n{}", strays.join("\n"));
}

/// What a package is built from, by name.
fn dependencies_of(package: &str) -> Vec<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    // What it is built from only here or there, or for tests, is let through by no other heading than these. Only protos become code.
    let headings = manifest.lines().filter(|line| line.starts_with('[') && line.contains("dependencies"));
    for heading in headings {
        let makes_code = package == "serving" && heading == "[build-dependencies]";
        assert!(
            makes_code || ["[dependencies]", "[dev-dependencies]"].contains(&heading),
            "{package}: {heading}"
        );
    }
    assert!(!manifest.contains("package ="), "{package}: under another name");
    let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
    let names = dependencies.lines().take_while(|line| !line.starts_with('['));
    names
        .filter_map(|line| line.split(['.', ' ']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_package_depends_on_what_it_must_not_know() {
    assert_eq!(dependencies_of("rbac"), ["arcstr", "triomphe"]);
    for (package, banned) in PACKAGES {
        let dependencies = dependencies_of(package);
        assert!(dependencies.contains(&"rolegate-rbac".to_owned()), "{dependencies:?}");
        let is_banned = |name: &&String| banned.iter().any(|banned| name.starts_with(banned));
        let strays: Vec<_> = dependencies.iter().filter(is_banned).collect();
        assert!(strays.is_empty(), "{package}: {strays:?}");
    }
}

#[test]
fn the_core_imports_only_itself_std_and_what_shares_memory() {
    for file in files_of("rbac") {
        let code = std::fs::read_to_string(&file).unwrap();
        for line in code.lines().map(str::trim_start) {
            let Some(import) = line.strip_prefix("use ").or_else(|| line.strip_prefix("pub use ")) else {
                continue;
            };
            // An enum's variants, imported inside a function, start with a capital letter.
            let fine = ["std::", "std;", "super::", "crate::", "arcstr::", "triomphe::"];
            let is_fine =
                fine.iter().any(|own| import.starts_with(own)) || import.starts_with(char::is_uppercase);
            assert!(is_fine, "{}: {line}", file.display());
        }
    }
}

#[test]
fn the_layers_that_exist_are_found() {
    for (layer, _) in WALLS {
        assert!(!files_of(layer).is_empty(), "{layer}");
    }
    assert!(files_of("rbac").len() > 10);
}

#[test]
fn a_stray_name_is_seen_and_a_comment_or_longer_name_is_not() {
    assert_eq!(lines_naming("use sqlx::Row;\n    sqlx::query(x)\n", "sqlx").len(), 2);
    let nested = "use crate::{\n    a::{b, c},\n    net::{\n        // not\n        file,\n    },\n};\nuse crate::{d, e::net};\n";
    assert_eq!(lines_naming(nested, "crate::net").len(), 1);
    assert_eq!(lines_naming(nested, "crate::a").len() + lines_naming(nested, "crate::e").len(), 2);
    assert!(lines_naming(nested, "crate::c").is_empty());
    assert!(lines_naming("// like sqlx\nlet sqlx_like = 1;\nlet my_sqlx = 2;\n", "sqlx").is_empty());
}
