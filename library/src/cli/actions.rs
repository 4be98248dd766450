//! `rolegate actions`: the catalogue, without a server.

use super::output::{Report, Table, yes_no};
use crate::rbac::{
    action::{Action, OlderName, Tier, catalogue_fingerprint},
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

/// The arguments of `actions`.
#[derive(Args, Debug)]
pub(crate) struct ActionsArgs {
    /// Only the actions of this level
    #[arg(long, value_enum, default_value_t = Level::All)]
    level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Project,
    Group,
    Site,
    All,
}

impl Level {
    fn covers(self, level: Self) -> bool {
        self == Self::All || self == level
    }
}

/// A part of the catalogue, in both forms.
struct Part {
    level: Level,
    key: &'static str,
    title: &'static str,
    table: Table,
    json: Value,
}

/// Lists what can be asked for.
pub(crate) fn actions(args: &ActionsArgs) -> Report {
    let parts = [project(), older(), group(), site()];
    let mut json = Map::from_iter([("catalogue_fingerprint".to_owned(), catalogue_fingerprint().into())]);
    let mut texts = Vec::new();
    for part in parts.into_iter().filter(|part| args.level.covers(part.level)) {
        texts.push(format!("{}\n{}", part.title, part.table));
        json.insert(part.key.to_owned(), part.json);
    }
    Report::new(texts.join("\n"), Value::Object(json))
}

fn project() -> Part {
    let mut table = Table::new(&["ACTION", "BIT", "RO", "RW", "ADMIN", "REQUIRED", "ALLOWS TO"]);
    let mut json = Vec::new();
    for action in Action::ALL {
        let (ro, rw) = (action.tier() <= Tier::ReadOnly, action.tier() <= Tier::ReadWrite);
        let (name, bit, required) = (action.name(), action.bit(), action.is_required());
        let flags = [ro, rw, true, required].map(yes_no);
        let mut cells = vec![name.to_owned(), bit.to_string()];
        cells.extend(flags);
        cells.push(action.description().to_owned());
        table.push(cells);
        json.push(json!({
            "name": name, "bit": bit, "ro": ro, "rw": rw, "admin": true, "required": required,
            "description": action.description(),
        }));
    }
    let title = "Project actions (ro, rw, admin: held by that built-in role; required: in every custom role)";
    Part { level: Level::Project, key: "project", title, table, json: json.into() }
}

fn older() -> Part {
    let mut table = Table::new(&["NAME", "STANDS FOR"]);
    let mut json = Vec::new();
    for older in OlderName::ALL {
        let current: Vec<&str> = older.stands_for().iter().map(|action| action.name()).collect();
        table.push(vec![older.name().to_owned(), current.join(", ")]);
        json.push(json!({ "name": older.name(), "stands_for": current }));
    }
    let title = "Older names of project actions";
    Part { level: Level::Project, key: "older_names", title, table, json: json.into() }
}

fn group() -> Part {
    let holds =
        |action: &GroupAction| GroupRole::ALL.iter().map(|role| (role.name(), role.may(*action))).collect();
    let rows = GroupAction::ALL.iter().map(|action| (action.name(), holds(action))).collect();
    held(Level::Group, "group", "Group actions", rows)
}

fn site() -> Part {
    let roles = [SiteRole::SiteAdmin, SiteRole::Developer, SiteRole::User];
    let holds = |action: &SiteAction| roles.iter().map(|role| (role.name(), role.may(*action))).collect();
    let rows = SiteAction::ALL.iter().map(|action| (action.name(), holds(action))).collect();
    held(Level::Site, "site", "Site actions", rows)
}

/// An action's name, and for each role of its level whether that holds it.
type Held = (&'static str, Vec<(&'static str, bool)>);

fn held(level: Level, key: &'static str, title: &'static str, rows: Vec<Held>) -> Part {
    let roles = rows.first().into_iter().flat_map(|(_, roles)| roles);
    let header: Vec<String> =
        std::iter::once("ACTION".to_owned()).chain(roles.map(|(role, _)| role.to_uppercase())).collect();
    let mut table = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let mut json = Vec::new();
    for (action, roles) in rows {
        let flags = roles.iter().map(|(_, holds)| yes_no(*holds));
        table.push(std::iter::once(action.to_owned()).chain(flags).collect());
        let mut value = Map::from_iter([("name".to_owned(), action.into())]);
        value.extend(roles.into_iter().map(|(role, holds)| (role.to_owned(), holds.into())));
        json.push(Value::Object(value));
    }
    Part { level, key, title, table, json: json.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Format;

    fn json(level: Level) -> Value {
        let report = actions(&ActionsArgs { level });
        serde_json::from_str(&report.render(Format::Json)).unwrap_or_default()
    }

    fn count(catalogue: &Value, key: &str) -> Option<usize> {
        catalogue.get(key).and_then(Value::as_array).map(Vec::len)
    }

    #[test]
    fn all_levels_are_listed_whole() {
        let catalogue = json(Level::All);
        assert_eq!(count(&catalogue, "project"), Some(65));
        assert_eq!(count(&catalogue, "older_names"), Some(3));
        assert_eq!(count(&catalogue, "group"), Some(9));
        assert_eq!(count(&catalogue, "site"), Some(6));
    }

    #[test]
    fn one_level_is_listed_alone() {
        let catalogue = json(Level::Group);
        assert_eq!(count(&catalogue, "project"), None);
        let expected = json!({"name": "group_settings_manage", "admin": true, "rw": true, "ro": false});
        assert_eq!(catalogue.pointer("/group/5"), Some(&expected));
    }

    #[test]
    fn a_project_action_tells_who_holds_it() {
        let expected = json!({
            "name": "files_download", "bit": 13, "ro": true, "rw": true, "admin": true, "required": false,
            "description": "download files, one or in bulk",
        });
        assert_eq!(json(Level::Project).pointer("/project/13"), Some(&expected));
    }
}
