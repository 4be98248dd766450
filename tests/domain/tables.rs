//! Every row of the tables of who holds what, against tables written apart from the code.

use rolegate::rbac::{
    action::Action,
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
    mask::ActionMask,
    role::{BuiltIn, RoleTable},
    text::RoleId,
};
use std::{collections::BTreeSet, sync::LazyLock};

/// Rows of `name holder holder ...`; a dash holds the place of a holder that is none.
pub(crate) type Table = LazyLock<Vec<(&'static str, BTreeSet<&'static str>)>>;

pub(crate) static SITE: Table = Table::new(|| rows(include_str!("../tables/site_actions.txt")));
pub(crate) static GROUP: Table = Table::new(|| rows(include_str!("../tables/group_actions.txt")));
pub(crate) static PROJECT: Table = Table::new(|| rows(include_str!("../tables/project_actions.txt")));

fn rows(table: &'static str) -> Vec<(&'static str, BTreeSet<&'static str>)> {
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        (words.next().unwrap(), words.filter(|word| *word != "-").collect())
    };
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(row).collect()
}

#[test]
fn site_actions_are_those_of_the_table() {
    assert!(SiteAction::ALL.iter().map(|action| action.name()).eq(SITE.iter().map(|row| row.0)));
}

#[test]
fn site_roles_are_the_three_and_the_three_kept_by_name() {
    let names = ["site_admin", "developer", "user", "public", "drone", "security_champion"];
    assert!(SiteRole::ALL.iter().map(|role| role.name()).eq(names));
    for name in names {
        assert_eq!(SiteRole::from_name(name).map(SiteRole::name), Some(name));
    }
}

#[test]
fn site_roles_hold_what_the_table_says() {
    for (action, holders) in SITE.iter() {
        let action = SiteAction::from_name(action).unwrap();
        for role in SiteRole::ALL {
            assert_eq!(role.may(action), holders.contains(role.name()), "{role:?} {action:?}");
        }
    }
}

#[test]
fn group_actions_are_those_of_the_table() {
    assert!(GroupAction::ALL.iter().map(|action| action.name()).eq(GROUP.iter().map(|row| row.0)));
}

#[test]
fn group_roles_are_admin_rw_and_ro() {
    assert!(GroupRole::ALL.iter().map(|role| role.name()).eq(["admin", "rw", "ro"]));
}

#[test]
fn group_roles_hold_what_the_table_says() {
    for (action, holders) in GROUP.iter() {
        let action = GroupAction::from_name(action).unwrap();
        for role in GroupRole::ALL {
            assert_eq!(role.may(action), holders.contains(role.name()), "{role:?} {action:?}");
        }
    }
}

#[test]
fn a_read_write_member_does_not_manage_group_roles() {
    assert!(!GroupRole::ReadWrite.may(GroupAction::GroupRolesManage));
}

#[test]
fn project_actions_are_those_of_the_table() {
    assert_eq!(PROJECT.len(), 65);
    assert!(Action::ALL.iter().map(|action| action.name()).eq(PROJECT.iter().map(|row| row.0)));
}

#[test]
fn built_in_project_roles_are_admin_rw_and_ro() {
    assert!(BuiltIn::ALL.into_iter().map(BuiltIn::name).eq(["admin", "rw", "ro"]));
}

#[test]
fn built_in_project_roles_hold_what_the_table_says() {
    let table = RoleTable::with_custom([]);
    for role in BuiltIn::ALL {
        let in_table = table.mask(&RoleId::parse(role.name()).unwrap());
        assert_eq!(in_table, role.mask());
        for (action, holders) in PROJECT.iter() {
            let held = role.mask().contains(Action::from_name(action).unwrap());
            assert_eq!(held, holders.contains(role.name()), "{role:?} {action}");
        }
    }
}

#[test]
fn required_actions_are_those_of_the_table() {
    let required = PROJECT.iter().filter(|(_, marks)| marks.contains("req"));
    let required: Vec<_> = required.map(|(name, _)| *name).collect();
    assert_eq!(required.len(), 9);
    assert!(Action::ALL.into_iter().filter(|action| action.is_required()).map(Action::name).eq(required));
}

#[test]
fn a_project_read_write_role_does_not_manage_permissions() {
    assert!(!BuiltIn::ReadWrite.mask().contains(Action::ProjectPermissionsManage));
}

#[test]
fn the_project_admin_holds_every_action() {
    assert_eq!(BuiltIn::Admin.mask(), ActionMask::all());
}

#[test]
fn no_name_belongs_to_two_levels() {
    let all = [&SITE, &GROUP, &PROJECT].into_iter().flat_map(|table| table.iter()).map(|row| row.0);
    assert_eq!(all.collect::<BTreeSet<_>>().len(), 6 + 9 + 65);
}

#[test]
fn names_are_matched_byte_for_byte() {
    for wrong in ["", "Files_download", "files_download ", "files-download", "files_downloads"] {
        assert_eq!(Action::from_name(wrong), None, "{wrong:?}");
    }
    assert_eq!(SiteRole::from_name("Developer"), None);
    assert_eq!(GroupRole::from_name("RW"), None);
    assert_eq!(BuiltIn::from_id("Admin"), None);
}

#[test]
fn an_undecided_default_holds_nothing() {
    assert!(ActionMask::default().is_empty());
    assert!(RoleTable::default().mask(&RoleId::parse("admin").unwrap()).is_empty());
}
