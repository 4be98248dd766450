//! The one who writes: rights come and go by permissions, by what a role holds, and by whether a user is enabled.

use super::{
    course::Course,
    history::{Allowed, PAIRS, PROJECTS, USERS},
};
use crate::{random::Random, server::Admin};
use rolegate::{
    grpc::proto::{
        RemoveProjectPermissionRequest, RoleActions, SetProjectPermissionRequest, UpdateRoleRequest,
        UpdateUserRequest,
    },
    rbac::action::Action,
};
use std::{sync::Arc, time::Duration};
use tonic::{Code, Status};

/// Nobody holds anything yet; `custom` does not download.
pub(super) const SITE: &str = "\
version: 1
users: [{id: u0}, {id: u1}, {id: u2}, {id: u3}]
roles:
  - id: custom
    label: Custom
    actions: [containers_view_metadata, files_view_metadata, tags_view, notes_view, project_permissions_view, \
gear_rules_view, data_views_view, session_templates_view, jobs_view]
groups:
  - id: team
    offers: [custom]
    projects: [{id: p0, label: P0}, {id: p1, label: P1}, {id: p2, label: P2}]
";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Held {
    #[default]
    Nothing,
    Custom,
    ReadWrite,
}

/// What the store is to hold, as far as it matters to who may download.
#[derive(Clone, Default)]
pub(super) struct Site {
    held: [Held; PAIRS],
    custom_downloads: bool,
    disabled: [bool; USERS],
}

impl Site {
    pub(super) fn allowed(&self) -> Allowed {
        let may = |pair: &usize| {
            let holds = match self.held[*pair] {
                Held::Nothing => false,
                Held::Custom => self.custom_downloads,
                Held::ReadWrite => true,
            };
            holds && !self.disabled[pair / PROJECTS]
        };
        Allowed((0..PAIRS).filter(may).fold(0, |bits, pair| bits | 1 << pair))
    }

    /// An edit that changes something.
    fn edit(&self, random: &mut Random) -> Edit {
        let (pair, user) = (random.below(PAIRS), random.below(USERS));
        match random.below(8) {
            0 => Edit::Role { downloads: !self.custom_downloads },
            1 => Edit::User { user, disabled: !self.disabled[user] },
            n => {
                let mut others = vec![Held::Nothing, Held::Custom, Held::ReadWrite];
                others.retain(|held| *held != self.held[pair]);
                Edit::Permission { pair, held: others[n % 2] }
            }
        }
    }

    fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Role { downloads } => self.custom_downloads = downloads,
            Edit::User { user, disabled } => self.disabled[user] = disabled,
            Edit::Permission { pair, held } => self.held[pair] = held,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Role { downloads: bool },
    User { user: usize, disabled: bool },
    Permission { pair: usize, held: Held },
}

impl Edit {
    /// Sends it; the token of the write.
    async fn send(self, admin: &mut Admin) -> Result<String, Status> {
        match self {
            Self::Role { downloads } => {
                let required =
                    Action::ALL.into_iter().filter(|action| action.is_required()).map(Action::name);
                let names = required.chain(downloads.then_some("files_download"));
                let actions = Some(RoleActions { names: names.map(str::to_owned).collect() });
                let request = UpdateRoleRequest { id: "custom".to_owned(), actions, ..Default::default() };
                Ok(admin.update_role(request).await?.into_inner().revision_token)
            }
            Self::User { user, disabled } => {
                let (id, disabled) = (format!("u{user}"), Some(disabled));
                let request = UpdateUserRequest { id, disabled, ..Default::default() };
                Ok(admin.update_user(request).await?.into_inner().revision_token)
            }
            Self::Permission { pair, held } => permit(admin, pair, held).await,
        }
    }
}

async fn permit(admin: &mut Admin, pair: usize, held: Held) -> Result<String, Status> {
    let (user, project) = (format!("u{}", pair / PROJECTS), format!("p{}", pair % PROJECTS));
    let role = match held {
        Held::Nothing => {
            let request = RemoveProjectPermissionRequest { project, user, expected_revision: None };
            return Ok(admin.remove_project_permission(request).await?.into_inner().revision_token);
        }
        Held::Custom => "custom",
        Held::ReadWrite => "rw",
    };
    let request =
        SetProjectPermissionRequest { project, user, roles: vec![role.to_owned()], expected_revision: None };
    Ok(admin.set_project_permission(request).await?.into_inner().revision_token)
}

pub(super) async fn keep_writing(mut admin: Admin, course: Arc<Course>, mut random: Random) {
    let mut site = Site::default();
    while !course.is_over() {
        let edit = site.edit(&mut random);
        site.apply(edit);
        let revision = course.will_write(site.allowed());
        write(&mut admin, edit, &course, revision).await;
        course.has_written(revision);
        // Sometimes one upon the other, sometimes with time for everybody to see it.
        let pause = [0, 0, 5, 40][random.below(4)];
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Writes until it is acknowledged. Nobody else writes, so it has one revision, whichever attempt made it.
async fn write(admin: &mut Admin, edit: Edit, course: &Course, revision: u64) {
    let mut was_tried = false;
    loop {
        match edit.send(admin).await {
            Ok(token) => return assert_eq!(course.revision(&token), revision, "{edit:?}"),
            // What is to be taken away was taken away by an attempt of which we were told nothing.
            Err(status) if was_tried && status.code() == Code::NotFound => return,
            Err(status) => assert!(is_no_answer(status.code()), "{edit:?}: {status:?}"),
        }
        was_tried = true;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing was decided, and it may be tried again.
pub(super) const fn is_no_answer(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded)
}
