//! The table of operations.

use super::{current_names, group_of};
use crate::world_file::{Asked, Owner, Place, What};
use rolegate::site::SiteFile;

/// The table of operations, row by row. Every action that a row mentions is asked about, whatever the others say.
pub(super) fn rule(site: &SiteFile, asked: &Asked, ask: &mut dyn FnMut(&str, &str) -> bool) -> bool {
    let (here, group) = match &asked.place {
        Place::Site => ("site".to_owned(), String::new()),
        Place::Group(id) => (format!("group {id}"), format!("group {id}")),
        Place::Project(id) => (format!("project {id}"), format!("group {}", group_of(site, id).unwrap())),
    };
    let op = match &asked.what {
        What::Action(name) => {
            return current_names(name).into_iter().fold(true, |yes, name| yes & ask(&here, name));
        }
        What::Operation(op) => op,
    };
    let own = op.owner == Some(Owner::User(asked.user.clone()));
    let from_device = op.origin.as_deref() != Some("user") && op.origin.as_deref() != Some("job");
    let there = match (&op.destination_project, &op.destination_group) {
        (Some(project), _) => format!("project {project}"),
        (_, Some(group)) => format!("group {group}"),
        _ => here.clone(),
    };
    match op.name.as_str() {
        "file.view" => ask(&here, "files_view_contents"),
        "file.download" if op.bulk.unwrap() => ask(&here, "files_download"),
        "file.download" => ask(&here, "files_view_contents") | ask(&here, "files_download"),
        "file.upload" if op.bulk.unwrap() => ask(&here, "files_create_bulk"),
        "file.upload" => ask(&here, "files_create_single"),
        "file.delete" if from_device => ask(&here, "files_delete_device_data"),
        "file.delete" => ask(&here, "files_delete_non_device_data"),
        "file.move" => ask(&here, "files_move") & ask(&there, "files_move"),
        "container.delete" if op.has_device_data.unwrap() => {
            ask(&here, "containers_delete_hierarchy") & ask(&here, "files_delete_device_data")
        }
        "container.delete" => ask(&here, "containers_delete_hierarchy"),
        "container.move" => {
            ask(&here, "containers_delete_hierarchy") & ask(&there, "containers_create_hierarchy")
        }
        "project.create" => ask(&here, "group_projects_create"),
        "project.delete" => ask(&here, "containers_delete_project") | ask(&group, "group_projects_delete"),
        "project.copy" => ask(&here, "copy_by_reference") & ask(&there, "group_projects_create"),
        "project.settings.modify" => {
            ask(&here, "settings_modify") | ask(&group, "group_projects_settings_manage")
        }
        "project.permissions.modify" => ask(&here, "project_permissions_manage"),
        "job.run" if op.analysis.unwrap() => ask(&here, "jobs_manage") & ask(&here, "analyses_create_job"),
        "job.run" => ask(&here, "jobs_manage"),
        "job.cancel" | "job.prioritize" if own => ask(&here, "jobs_manage"),
        "job.cancel" | "job.prioritize" => ask(&here, "jobs_manage_others"),
        "annotation.view" | "annotation.edit" | "annotation.delete" if own => {
            ask(&here, "annotations_manage")
        }
        "annotation.view" => ask(&here, "annotations_view_others"),
        "annotation.edit" => ask(&here, "annotations_edit_others"),
        "annotation.delete" => ask(&here, "annotations_delete_others"),
        "form_response.view" | "form_response.edit" if own => ask(&here, "form_responses_manage"),
        "form_response.view" => ask(&here, "form_responses_view_others"),
        "form_response.edit" => ask(&here, "form_responses_edit_others"),
        other => panic!("no row for `{other}`"),
    }
}
