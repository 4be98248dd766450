//! "Did you mean": the known name nearest to one that is not known.

use crate::rbac::{
    action::ActionName,
    level::{GroupAction, SiteAction},
    question::OPERATION_NAMES,
};

/// The action (of any level) nearest to a name that is none.
pub(super) fn nearest_action(name: &str) -> Option<&'static str> {
    let project = ActionName::all().map(ActionName::name);
    let group = GroupAction::ALL.iter().map(|action| action.name());
    let site = SiteAction::ALL.iter().map(|action| action.name());
    nearest(name, project.chain(group).chain(site))
}

/// The project action nearest to a name that is none: what a custom role may hold.
pub(super) fn nearest_project_action(name: &str) -> Option<&'static str> {
    nearest(name, ActionName::all().map(ActionName::name))
}

/// The operation nearest to a name that is none.
pub(super) fn nearest_operation(name: &str) -> Option<&'static str> {
    nearest(name, OPERATION_NAMES.into_iter())
}

/// The nearest known name, if it is near enough to be a likely slip: at most a third of its letters differ.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    known
        // Names from outside may be long, and comparing takes time by the product of both lengths.
        .filter(|near| near.len().abs_diff(length) <= near.len() / 3)
        .map(|near| (strsim::osa_distance(name, near), near))
        .filter(|(distance, near)| *distance <= near.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_two_letters_is_recognised() {
        assert_eq!(nearest_action("files_downlaod"), Some("files_download"));
        assert_eq!(nearest_operation("file.dowload"), Some("file.download"));
    }

    #[test]
    fn a_name_unlike_any_gets_no_suggestion() {
        assert_eq!(nearest_action("zzz"), None);
        assert_eq!(nearest_action(&"f".repeat(10_000)), None);
    }
}
