//! Reads decision worlds: a site file, and questions with the answers that it must give to them.
//!
//! Nothing here knows how questions are answered, so that one file can be run through anything that answers.

use rolegate::site::{FORMAT_VERSION, SiteFile};
use serde::Deserialize;
use std::path::PathBuf;

/// One file of `tests/worlds`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorldFile {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(crate) name: String,
    /// The whole site, every id given.
    pub(crate) site: SiteFile,
    /// What is asked of it.
    pub(crate) questions: Vec<QuestionCase>,
}

/// A question, and what must come back.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "FlatCase")]
pub(crate) struct QuestionCase {
    pub(crate) asked: Asked,
    pub(crate) expected: Expected,
}

/// A question in the wire's words, not yet checked for anything.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) user: String,
    pub(crate) place: Place,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Site,
    Group(String),
    Project(String),
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Action(String),
    Operation(OperationAsked),
}

/// An operation's name and every attribute that any operation takes, as on the wire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationAsked {
    pub(crate) name: String,
    pub(crate) bulk: Option<bool>,
    pub(crate) origin: Option<String>,
    pub(crate) destination_project: Option<String>,
    pub(crate) destination_group: Option<String>,
    pub(crate) has_device_data: Option<bool>,
    pub(crate) gear: Option<String>,
    pub(crate) analysis: Option<bool>,
    pub(crate) owner: Option<Owner>,
}

/// `{user: ann}` or `system`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    User(String),
    System,
}

#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Answer(ExpectedAnswer),
    Error(ErrorKind),
}

#[derive(Clone, Debug)]
pub(crate) struct ExpectedAnswer {
    pub(crate) decision: ExpectedDecision,
    pub(crate) reason: String,
    /// In the order in which they are given.
    pub(crate) missing: Vec<String>,
    /// In any order; `None` where the world does not say.
    pub(crate) granted_by: Option<Vec<Granting>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExpectedDecision {
    Allow,
    Deny,
}

/// A question that gets no decision, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    Malformed,
    UnknownName,
    WrongLevel,
}

/// A role that grants, by level (`site`, `group`, `project`), place (empty at site level) and role name or id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Granting {
    pub(crate) level: String,
    #[serde(default)]
    pub(crate) place: String,
    pub(crate) role: String,
}

/// A case as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatCase {
    user: String,
    site: Option<SitePlace>,
    group: Option<String>,
    project: Option<String>,
    action: Option<String>,
    operation: Option<OperationAsked>,
    decision: Option<ExpectedDecision>,
    reason: Option<String>,
    #[serde(default)]
    missing: Vec<String>,
    granted_by: Option<Vec<Granting>>,
    error: Option<ErrorKind>,
}

/// `{}`, as on the wire.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SitePlace {}

impl TryFrom<FlatCase> for QuestionCase {
    type Error = String;

    fn try_from(flat: FlatCase) -> Result<Self, String> {
        let place = match (flat.site, flat.group, flat.project) {
            (Some(SitePlace {}), None, None) => Place::Site,
            (None, Some(group), None) => Place::Group(group),
            (None, None, Some(project)) => Place::Project(project),
            _ => return Err("a question takes one of `site`, `group` and `project`".to_owned()),
        };
        let what = match (flat.action, flat.operation) {
            (Some(action), None) => What::Action(action),
            (None, Some(operation)) => What::Operation(operation),
            _ => return Err("a question takes one of `action` and `operation`".to_owned()),
        };
        let expected = match (flat.decision, flat.reason, flat.error) {
            (Some(decision), Some(reason), None) => Expected::Answer(ExpectedAnswer {
                decision,
                reason,
                missing: flat.missing,
                granted_by: flat.granted_by,
            }),
            (None, None, Some(error)) => Expected::Error(error),
            _ => return Err("a case takes `decision` and `reason`, or `error`".to_owned()),
        };
        Ok(Self { asked: Asked { user: flat.user, place, what }, expected })
    }
}

/// Reads one world.
pub(crate) fn parse(name: &str, text: &str) -> WorldFile {
    let world: WorldFile =
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("tests/worlds/{name}.yaml: {error}"));
    assert_eq!(world.site.version, FORMAT_VERSION, "tests/worlds/{name}.yaml");
    assert!(!world.questions.is_empty(), "tests/worlds/{name}.yaml asks nothing");
    WorldFile { name: name.to_owned(), ..world }
}

/// Reads every world there is, by name.
pub(crate) fn all() -> Vec<WorldFile> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/worlds");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there is no world in {}", folder.display());
    paths
        .iter()
        .map(|path| {
            parse(path.file_stem().unwrap().to_str().unwrap(), &std::fs::read_to_string(path).unwrap())
        })
        .collect()
}
