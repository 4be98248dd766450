//! Cerbos's configuration and policies, written as its documentation does.

use super::Setup;
use std::{fs, path::Path};

pub(super) const KIND: &str = "project";
pub(super) const USER: &str = "user";
pub(super) const SITE_ADMIN: &str = "site_admin";

/// Nothing can be sent from here; a listener over HTTP has to be somewhere.
const CONFIG: &str = "server:
  httpListenAddr: \"127.0.0.1:0\"
  grpcListenAddr: \"{listen}\"
storage:
  driver: disk
  disk:
    directory: {policies}
    watchForChanges: {watch}
telemetry:
  disabled: true
{more}";

const DERIVED_ROLES: &str = "apiVersion: api.cerbos.dev/v1
derivedRoles:
  name: project_roles
  definitions:
    - name: project_ro
      parentRoles: [user]
      condition:
        match:
          expr: R.id in P.attr.ro
    - name: project_rw
      parentRoles: [user]
      condition:
        match:
          expr: R.id in P.attr.rw
    - name: project_admin
      parentRoles: [user]
      condition:
        match:
          expr: R.id in P.attr.admin
    - name: project_viewer
      parentRoles: [user]
      condition:
        match:
          expr: R.id in P.attr.viewer
";

const DOCUMENTED: &str = "apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: project
  importDerivedRoles: [project_roles]
  rules:
    - actions: ['*']
      effect: EFFECT_ALLOW
      roles: [site_admin]
    - actions: [containers_view_metadata, files_view_metadata, tags_view, notes_view]
      effect: EFFECT_ALLOW
      derivedRoles: [project_ro, project_rw, project_admin, project_viewer]
    - actions: [files_download, files_view_contents]
      effect: EFFECT_ALLOW
      derivedRoles: [project_ro, project_rw, project_admin]
    - actions: [files_create_upload, files_modify_metadata, tags_manage, notes_manage]
      effect: EFFECT_ALLOW
      derivedRoles: [project_rw, project_admin]
    - actions: [project_permissions_manage, gear_rules_manage]
      effect: EFFECT_ALLOW
      derivedRoles: [project_admin]
";

const TUNED: &str = "apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: project
  rules:
    - actions: [files_download]
      effect: EFFECT_ALLOW
      roles: [user]
";

const QUIET: &str = "audit:
  enabled: false
";

/// Writes all of it into a folder; the path of the configuration.
pub(super) fn write(setup: Setup, listen: &str, folder: &Path) -> String {
    let home = folder.join(format!("{setup:?}").to_lowercase());
    let policies = home.join("policies");
    fs::create_dir_all(&policies).unwrap();
    let (resource, watch, more) = match setup {
        Setup::Documented => {
            fs::write(policies.join("project_roles.yaml"), DERIVED_ROLES).unwrap();
            (DOCUMENTED, "true", "")
        }
        Setup::Tuned => (TUNED, "false", QUIET),
    };
    fs::write(policies.join("project.yaml"), resource).unwrap();
    let config = CONFIG
        .replace("{listen}", listen)
        .replace("{policies}", &policies.display().to_string())
        .replace("{watch}", watch)
        .replace("{more}", more);
    let path = home.join("cerbos.yaml");
    fs::write(&path, config).unwrap();
    path.display().to_string()
}
