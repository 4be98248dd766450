//! Who gains and loses what: the part of a dry run that matters most.

use super::{decision::level_name, output::printable};
use crate::grpc::proto::AccessChange;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// The changes grouped by user, for a person.
pub(crate) fn text(changes: &[AccessChange]) -> String {
    if changes.is_empty() {
        return "nobody gains or loses an action\n".to_owned();
    }
    let mut users: BTreeMap<&str, Vec<&AccessChange>> = BTreeMap::new();
    for change in changes {
        users.entry(&change.user).or_default().push(change);
    }
    let mut text = String::new();
    for (user, changes) in users {
        let _ = writeln!(text, "{}", printable(user));
        for change in changes {
            let _ = writeln!(text, "  {}: {}", place(change), printable(&effect(change)));
        }
    }
    text
}

fn place(change: &AccessChange) -> String {
    let level = level_name(change.level);
    if change.place.is_empty() { level.to_owned() } else { format!("{level} {}", printable(&change.place)) }
}

fn effect(change: &AccessChange) -> String {
    let all = [
        (change.gains_everything, "becomes a site admin, who may do everything everywhere".to_owned()),
        (change.loses_everything, "ceases to be a site admin".to_owned()),
        (!change.gained.is_empty(), format!("gains {}", change.gained.join(", "))),
        (!change.lost.is_empty(), format!("loses {}", change.lost.join(", "))),
    ];
    let applying: Vec<String> =
        all.into_iter().filter_map(|(applies, words)| applies.then_some(words)).collect();
    applying.join("; ")
}

/// The changes for programs.
pub(crate) fn json(changes: &[AccessChange]) -> Value {
    let one = |change: &AccessChange| {
        json!({
            "user": change.user, "level": level_name(change.level), "place": change.place,
            "gained": change.gained, "lost": change.lost,
            "gains_everything": change.gains_everything, "loses_everything": change.loses_everything,
        })
    };
    changes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_grouped_by_user() {
        let change = |user: &str, place: &str| AccessChange {
            user: user.into(),
            level: 3,
            place: place.into(),
            gained: vec!["tags_manage".into()],
            lost: vec!["files_move".into(), "files_download".into()],
            ..AccessChange::default()
        };
        let admin =
            AccessChange { user: "bob".into(), level: 1, gains_everything: true, ..Default::default() };
        assert_eq!(
            text(&[change("bob", "p1"), change("ann", "p1"), admin]),
            "ann\n  project p1: gains tags_manage; loses files_move, files_download\n\
             bob\n  project p1: gains tags_manage; loses files_move, files_download\n  \
             site: becomes a site admin, who may do everything everywhere\n"
        );
    }

    #[test]
    fn no_change_is_said_too() {
        assert_eq!(text(&[]), "nobody gains or loses an action\n");
        assert_eq!(json(&[]), json!([]));
    }
}
