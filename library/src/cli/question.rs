//! Questions as people write them: on the command line, and as items of a batch file.

use crate::grpc::proto;
use clap::{Args, ValueEnum};
use serde::Deserialize;

/// Where something is to be done.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PlaceArgs {
    /// On the site as a whole
    #[arg(long)]
    pub(crate) site: bool,
    /// In this group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// In this project
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Option<String>,
}

impl PlaceArgs {
    /// The place, if one is given.
    ///
    /// # Errors
    /// When more than one is given, which the command line's parser sees by itself.
    pub(crate) fn resource(self) -> Result<Option<proto::Resource>, String> {
        use proto::resource::Place;
        let site = self.site.then_some(Place::Site(proto::Site {}));
        let mut places =
            [site, self.group.map(Place::Group), self.project.map(Place::Project)].into_iter().flatten();
        let place = places.next();
        if places.next().is_some() {
            return Err("`site`, `group` and `project` exclude each other".to_owned());
        }
        Ok(place.map(|place| proto::Resource { place: Some(place) }))
    }
}

/// What is to be done: an action or an operation.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WhatArgs {
    /// A plain action, by its current or older name (see `rolegate actions`)
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    #[command(flatten)]
    pub(crate) operation: OperationArgs,
}

impl WhatArgs {
    /// The question, if one is asked.
    ///
    /// # Errors
    /// When the parts do not fit together.
    pub(crate) fn question(self) -> Result<Option<Question>, String> {
        match (self.action, self.operation.operation()?) {
            (Some(_), Some(_)) => Err("`action` and `operation` exclude each other".to_owned()),
            (Some(action), None) => Ok(Some(Question::Action(action))),
            (None, operation) => Ok(operation.map(Question::Operation)),
        }
    }
}

/// An action or an operation, as all requests carry it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// A plain action.
    Action(String),
    /// An operation.
    Operation(proto::Operation),
}

const ATTRIBUTES: &str = "Attributes of an operation (what is left out never helps)";

/// An operation with its attributes. In a batch file the name's key is `name`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OperationArgs {
    /// An operation, for example file.download
    #[arg(id = "operation", long = "operation", value_name = "OPERATION")]
    pub(crate) name: Option<String>,
    /// file.download, file.upload: many files at once
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    bulk: Option<bool>,
    /// file.delete: where the file came from
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "ORIGIN")]
    origin: Option<Origin>,
    /// file.move, container.move: the project moved to
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "PROJECT")]
    destination_project: Option<String>,
    /// project.copy: the group that receives the copy
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "GROUP")]
    destination_group: Option<String>,
    /// container.delete: it holds files that a device sent
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    has_device_data: Option<bool>,
    /// job.run: the gear
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "GEAR")]
    gear: Option<String>,
    /// job.run: the job makes an analysis
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    analysis: Option<bool>,
    /// job.cancel, job.prioritize, annotation.*, form_response.*: whose it is
    #[arg(long, requires = "operation", conflicts_with_all = ["action", "owner_system"], help_heading = ATTRIBUTES, value_name = "USER")]
    owner: Option<String>,
    /// job.cancel, job.prioritize: it belongs to the system
    #[arg(long, requires = "operation", conflicts_with = "action", help_heading = ATTRIBUTES)]
    owner_system: bool,
}

impl OperationArgs {
    /// The operation, if one is named.
    ///
    /// # Errors
    /// When both kinds of owner are given.
    fn operation(self) -> Result<Option<proto::Operation>, String> {
        use proto::owner::Owner;
        let owner = match (self.owner, self.owner_system) {
            (Some(_), true) => return Err("`owner` and `owner_system` exclude each other".to_owned()),
            (Some(user), false) => Some(Owner::User(user)),
            (None, true) => Some(Owner::System(proto::SystemOwner {})),
            (None, false) => None,
        };
        Ok(self.name.map(|name| proto::Operation {
            name,
            bulk: self.bulk,
            origin: self.origin.map(|origin| proto::FileOrigin::from(origin).into()),
            destination_project: self.destination_project,
            destination_group: self.destination_group,
            has_device_data: self.has_device_data,
            gear: self.gear,
            analysis: self.analysis,
            owner: owner.map(|owner| proto::Owner { owner: Some(owner) }),
        }))
    }
}

/// Where a file came from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
enum Origin {
    User,
    Job,
    Device,
    System,
    GearRule,
    Task,
    UserWorkspace,
    Unknown,
}

impl From<Origin> for proto::FileOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::User => Self::User,
            Origin::Job => Self::Job,
            Origin::Device => Self::Device,
            Origin::System => Self::System,
            Origin::GearRule => Self::GearRule,
            Origin::Task => Self::Task,
            Origin::UserWorkspace => Self::UserWorkspace,
            Origin::Unknown => Self::Unknown,
        }
    }
}

/// How fresh the answer must be.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct FreshnessArgs {
    /// Answer no older than this revision token, as a write printed it
    #[arg(long, value_name = "TOKEN")]
    at_least: Option<String>,
    /// Answer no older than the store at this moment
    #[arg(long)]
    fully_current: bool,
}

impl FreshnessArgs {
    /// The wish, if there is one.
    pub(crate) fn freshness(self) -> Option<proto::Freshness> {
        use proto::freshness::Want;
        let want = match (self.at_least, self.fully_current) {
            (Some(token), _) => Want::AtLeastToken(token),
            (None, true) => Want::FullyCurrent(proto::FullyCurrent {}),
            (None, false) => return None,
        };
        Some(proto::Freshness { want: Some(want) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_origin_of_the_protocol_can_be_written() {
        for origin in Origin::value_variants() {
            let name = origin.to_possible_value().map(|value| value.get_name().to_uppercase());
            let wire = proto::FileOrigin::from(*origin).as_str_name();
            assert_eq!(name.as_deref(), wire.strip_prefix("FILE_ORIGIN_"), "{origin:?}");
        }
        assert_eq!(Origin::value_variants().len(), 8);
    }

    #[test]
    fn two_owners_are_refused() {
        let operation = OperationArgs {
            name: Some("job.cancel".to_owned()),
            owner: Some("ann".to_owned()),
            owner_system: true,
            ..OperationArgs::default()
        };
        assert!(operation.operation().is_err());
    }

    #[test]
    fn two_places_are_refused_and_none_is_none() {
        let both = PlaceArgs { site: true, group: Some("neuro".to_owned()), project: None };
        assert!(both.resource().is_err());
        assert_eq!(PlaceArgs::default().resource(), Ok(None));
    }
}
