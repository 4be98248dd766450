//! A small site that most tests ask about.

/// `ann` may download in `scans`, `bob` may only look; `meg` is the group's admin; `root` is a site admin.
pub(crate) const SITE: &str = "\
version: 1
users:
  - {id: root, site_role: site_admin}
  - {id: ann}
  - {id: bob}
  - {id: meg}
roles:
  - id: looker
    label: Looker
    actions: [containers_view_metadata, files_view_metadata, tags_view, notes_view, project_permissions_view, \
gear_rules_view, data_views_view, session_templates_view, jobs_view]
groups:
  - id: neuro
    members: {meg: admin}
    offers: [looker]
    projects:
      - {id: scans, label: Scans, permissions: {ann: [rw], bob: [looker]}}
      - {id: other, label: Other, permissions: {ann: [ro]}}
gears:
  - {name: open}
  - {name: closed, restricted: {}}
";
