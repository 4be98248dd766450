//! Makes a store of any size: the program makes the schema, and the rows go in beside it, before it ever serves.

use super::{ACTION, Role, Site, custom_role_id, project_id, user_id};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
};

/// Projects of a group.
const PROJECTS_OF_A_GROUP: u32 = 100;

/// What every custom role must hold; the viewers hold nothing else.
const REQUIRED: [&str; 9] = [
    "containers_view_metadata",
    "files_view_metadata",
    "tags_view",
    "notes_view",
    "project_permissions_view",
    "gear_rules_view",
    "data_views_view",
    "session_templates_view",
    "jobs_view",
];

/// Indices are dropped for the time of the import and made again as they were: that is much faster.
const IMPORT: &str = "
pragma synchronous = off;
pragma temp_store = memory;
pragma cache_size = -400000;
create temp table dropped as select name, sql from sqlite_master
    where name in ('project_permissions_of_user', 'project_permissions_of_role');
drop index project_permissions_of_user;
drop index project_permissions_of_role;
begin;
.mode csv
";

/// Makes the store if there is none yet.
pub(crate) fn make(rolegate: &Path, store: &Path, site: &Site) {
    assert!(!REQUIRED.contains(&ACTION));
    let init = Command::new(rolegate)
        .args(["init", "--admin", "owner@site.example", "--store"])
        .arg(store)
        .stdout(Stdio::null())
        .status();
    assert!(init.unwrap().success(), "no store could be made with {}", rolegate.display());
    let rows = store.with_extension("rows");
    fs::create_dir_all(&rows).unwrap();
    write_rows(&rows, site);
    import(store, &rows);
    fs::remove_dir_all(&rows).unwrap();
}

fn write_rows(folder: &Path, site: &Site) {
    table(folder, "users", |out| users(out, site));
    table(folder, "roles", |out| {
        (0..site.custom_roles).for_each(|role| {
            writeln!(out, "{},Viewer {role},0,1", custom_role_id(role)).unwrap();
        });
    });
    table(folder, "role_actions", |out| {
        for role in 0..site.custom_roles {
            REQUIRED.iter().for_each(|action| writeln!(out, "{},{action}", custom_role_id(role)).unwrap());
        }
    });
    table(folder, "groups", |out| {
        (0..=site.projects / PROJECTS_OF_A_GROUP)
            .for_each(|group| writeln!(out, "group{group},Group {group},1").unwrap());
    });
    table(folder, "role_offers", |out| offers(out, site));
    table(folder, "projects", |out| {
        for project in 0..site.projects {
            let group = project / PROJECTS_OF_A_GROUP;
            writeln!(out, "{},group{group},Project {project},1", project_id(project)).unwrap();
        }
    });
    table(folder, "project_permissions", |out| permissions(out, site));
}

fn table(folder: &Path, name: &str, rows: impl FnOnce(&mut BufWriter<File>)) {
    let mut out = BufWriter::new(File::create(folder.join(name)).unwrap());
    rows(&mut out);
    out.flush().unwrap();
}

fn users(out: &mut impl Write, site: &Site) {
    for user in 0..site.users {
        let role = if site.is_site_admin(user) { "site_admin" } else { "user" };
        writeln!(out, "{},{role},1,1", user_id(user)).unwrap();
    }
}

fn offers(out: &mut impl Write, site: &Site) {
    for group in 0..=site.projects / PROJECTS_OF_A_GROUP {
        for role in 0..site.custom_roles {
            writeln!(out, "group{group},{}", custom_role_id(role)).unwrap();
        }
    }
}

/// In the order of the table's key, which is the order that it is quickest filled in.
fn permissions(out: &mut impl Write, site: &Site) {
    let mut grants: Vec<(u32, u32, u32)> = Vec::with_capacity(site.grants() as usize);
    for user in 0..site.users {
        grants.extend((0..site.grants_of(user)).map(|nth| (site.project_of(user, nth), user, nth)));
    }
    grants.sort_unstable();
    for (project, user, nth) in grants {
        let role = match site.role_of(user, nth) {
            Role::Ro => "ro".to_owned(),
            Role::Rw => "rw".to_owned(),
            Role::Admin => "admin".to_owned(),
            Role::Viewer(role) => custom_role_id(role),
        };
        writeln!(out, "{},{},{role}", project_id(project), user_id(user)).unwrap();
    }
}

fn import(store: &Path, rows: &Path) {
    let mut script = IMPORT.to_owned();
    for table in
        ["users", "roles", "role_actions", "groups", "role_offers", "projects", "project_permissions"]
    {
        script += &format!(".import '{}' {table}\n", rows.join(table).display());
    }
    script += "commit;\n.mode list\n";
    let indices = rows.join("indices.sql");
    script += &format!(".once '{0}'\nselect sql || ';' from dropped;\n.read '{0}'\n", indices.display());
    let mut sqlite = Command::new("sqlite3").arg("-bail").arg(store).stdin(Stdio::piped()).spawn().unwrap();
    sqlite.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(sqlite.wait().unwrap().success(), "the rows could not be imported");
}
